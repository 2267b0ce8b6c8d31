"""A log in memory and a reader of it, and a follower put together from fakes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from prometheus_client import CollectorRegistry

from avro_schemas.codec import encode
from domain.asset.events import AssetEvent
from domain.category.events import CatalogueEvent
from domain.dead_letter import DeadLetter
from infra.cassandra.view_store import ViewStore
from infra.errors import BrokerUnavailable
from infra.kafka.group_consumer import Partition, StartsOf
from infra.kafka.partition_reader import Record
from infra.kafka.topics import ASSET_EVENTS, CATEGORY_EVENTS, COMMAND_RESULTS, Topic
from projections.consumer import ProjectionConsumer
from projections.metrics import ProjectionMetrics
from read_models.registry import VIEWS
from read_models.view import ViewGeneration

LIVE = tuple(ViewGeneration(view=view, generation=1) for view in VIEWS)
_IDLE_POLLS = 3


class Log:
    """Records by partition; a control marker takes an offset and brings nothing."""

    def __init__(self) -> None:
        self.records: dict[Partition, list[Record]] = {
            (ASSET_EVENTS.name, 0): [],
            (ASSET_EVENTS.name, 1): [],
            (CATEGORY_EVENTS.name, 0): [],
            (COMMAND_RESULTS.name, 0): [],
        }
        self.firsts = dict.fromkeys(self.records, 0)
        self.ends = dict.fromkeys(self.records, 0)

    def append(self, partition: Partition, key: str, value: bytes) -> int:
        offset = self.ends[partition]
        topic, number = partition
        self.records[partition].append(
            Record(
                topic=topic,
                partition=number,
                offset=offset,
                key=key.encode(),
                value=value,
                timestamp_ms=1_000 * offset,
            )
        )
        self.ends[partition] = offset + 1
        return offset

    def commit(self, partition: Partition) -> None:
        self.ends[partition] += 1

    def add(self, happened: Iterable[AssetEvent | CatalogueEvent]) -> None:
        """Append events where they belong, now and then ending a transaction."""
        for number, event in enumerate(happened):
            partition = place_of(event)
            self.append(partition, event.metadata.entity_id, encode(event))
            if number % 3 == 0:
                self.commit(partition)


def place_of(event: AssetEvent | CatalogueEvent) -> Partition:
    if isinstance(event, AssetEvent):
        return ASSET_EVENTS.name, int(event.asset_id[-1]) % 2
    return CATEGORY_EVENTS.name, 0


@dataclass(kw_only=True)
class Script:
    """What goes on outside: before the n-th poll, and at the n-th one while paused."""

    at_poll: Mapping[int, Callable[["Reader"], None]] = field(default_factory=dict)
    while_paused: Callable[["Reader", int], None] = lambda _, __: None


class Reader:
    """Reads a log as a GroupConsumer does; sets ``stopping`` once there is nothing left."""

    def __init__(
        self,
        log: Log,
        stopping: Event,
        starts_of: StartsOf,
        on_revoked: Callable[[list[Partition]], None],
        script: Script,
    ) -> None:
        self.polls = self.paused_polls = 0
        self.committed: dict[Partition, int] = {}
        self._log = log
        self._stopping = stopping
        self._starts_of = starts_of
        self._on_revoked = on_revoked
        self._script = script
        self._positions: dict[Partition, int] = {}
        self._is_paused = False
        self._idle = 0

    def poll(self, at_most: int, timeout_seconds: float) -> list[Record]:
        if self._is_paused:
            self.paused_polls += 1
            self._script.while_paused(self, self.paused_polls)
            return []
        self.polls += 1
        happens = self._script.at_poll.get(self.polls)
        if not self._positions:
            partitions = list(self._log.records)
            self._positions = dict.fromkeys(partitions, 0) | dict(self._starts_of(partitions))
        if any(at < self._log.firsts[partition] for partition, at in self._positions.items()):
            raise BrokerUnavailable("offset out of range")
        found = [
            record
            for partition, position in self._positions.items()
            for record in self._log.records[partition]
            if record.offset >= position
        ][:at_most]
        for record in found:
            self._positions[record.topic, record.partition] = record.offset + 1
        self._reach_ends()
        if happens:
            happens(self)
        self._idle = 0 if found else self._idle + 1
        if self._idle == _IDLE_POLLS:
            self._stopping.set()
        return found

    def _reach_ends(self) -> None:
        for partition, position in self._positions.items():
            if not any(record.offset >= position for record in self._log.records[partition]):
                self._positions[partition] = self._log.ends[partition]

    def lose(self, partition: Partition) -> None:
        """Have a partition taken away; somebody else owns it from now on."""
        self._on_revoked([partition])
        del self._positions[partition]

    def position(self, partition: Partition) -> int:
        return self._positions[partition]

    def assigned(self) -> list[Partition]:
        return list(self._positions)

    def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        return {each: (self._log.firsts[each], self._log.ends[each]) for each in partitions}

    def ends(self) -> dict[Partition, int]:
        return dict(self._log.ends)

    def seek(self, partition: Partition, offset: int) -> None:
        self._positions[partition] = offset

    def pause(self) -> None:
        self._is_paused = True

    def resume(self) -> None:
        self._is_paused = False

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        self.committed |= offsets


class Run:
    """One life of a follower: from its start until it has read everything there is."""

    def __init__(
        self,
        log: Log,
        store: ViewStore,
        script: Script | None = None,
        *,
        live: Sequence[ViewGeneration] = LIVE,
    ) -> None:
        self.letters: list[DeadLetter] = []
        self.registry = CollectorRegistry()
        self._log = log
        self._script = script or Script()
        self._stopping = Event()
        self._follower = ProjectionConsumer(
            open_reader=self._open,
            store=store,
            live=lambda: live,
            send_dead_letters=self.letters.extend,
            metrics=ProjectionMetrics(self.registry),
        )
        self._follower.run(self._stopping)

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"scalehoster_projections_{name}", labels)

    @contextmanager
    def _open(
        self,
        topics: Sequence[Topic],
        starts_of: StartsOf,
        on_revoked: Callable[[list[Partition]], None],
    ) -> Iterator[Reader]:
        self.reader = Reader(self._log, self._stopping, starts_of, on_revoked, self._script)
        yield self.reader
