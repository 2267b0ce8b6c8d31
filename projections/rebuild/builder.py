"""The builder of one partition subset: reads, folds, writes each row once, checkpoints."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import Protocol

from infra.cassandra.generations import Generation, Generations
from infra.cassandra.view_store import ViewStore
from infra.errors import BrokerUnavailable, StoreUnavailable
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record
from infra.kafka.topics import Topic
from projections.batch import project_records
from projections.errors import ProjectionStopped
from projections.partition_state import OwnedPartitions, PartitionBounds
from projections.writer import BatchWriter, StoreRolledBack
from read_models.view import View, ViewGeneration

_CHUNK = 10_000
_POLL_SECONDS = 0.1
_POLL_AT_MOST = 2_000
_LOOK_SECONDS = 0.5
_PAUSE_SECONDS = 0.2
_OUTAGE_SECONDS = 1.0

log = logging.getLogger(__name__)


class RecordSource(Protocol):
    """Reads some partitions of one topic: infra.kafka.partition_reader.PartitionReader."""

    def poll(self, timeout_seconds: float, *, at_most: int) -> list[Record]:
        """Read what is there, waiting at most this long for the first record."""

    def position(self, partition: int) -> int:
        """Give the next offset, at the end past control markers too."""


OpenRecordSource = Callable[[Topic, Mapping[int, int]], AbstractContextManager[RecordSource]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionSubset:
    """Every ``of``-th partition, from ``number`` on."""

    number: int
    of: int

    def partitions(self, topics: Iterable[Topic]) -> list[Partition]:
        """Name the partitions of the share."""
        return [
            (topic.name, partition)
            for topic in topics
            for partition in range(topic.partitions)
            if partition % self.of == self.number
        ]


class GenerationBuilder:
    """Builds whatever is in state ``building``, as long as there is anything.

    It may be killed at any point and goes on from the checkpoints; several at the same share do no
    harm. One record that cannot be read or applied makes the rebuild fail: there is nobody yet who
    would miss it, and time to mend what is wrong.
    """

    def __init__(
        self,
        *,
        subset: PartitionSubset,
        generations: Generations,
        store: ViewStore,
        open_source: OpenRecordSource,
        bounds: PartitionBounds,
        definition: Callable[[str, int], View],
    ) -> None:
        self._subset = subset
        self._generations = generations
        self._store = store
        self._open_source = open_source
        self._bounds = bounds
        self._definition = definition

    def run(self, stopping: Event) -> None:
        """Return when nothing is left to be built, or when told to stop."""
        while not stopping.is_set():
            try:
                building = self._building()
                going = [each for each in building if not each.is_paused]
                if not building:
                    return
                if going:
                    self._build(going, stopping)
                else:
                    stopping.wait(_PAUSE_SECONDS)
            except (StoreUnavailable, BrokerUnavailable, StoreRolledBack) as error:
                log.warning("waiting: %r", error)
                stopping.wait(_OUTAGE_SECONDS)

    def _building(self) -> list[Generation]:
        return [each for each in self._generations.all() if each.state == "building"]

    def _build(self, going: Sequence[Generation], stopping: Event) -> None:
        try:
            live = [
                ViewGeneration(
                    view=self._definition(each.view, each.revision), generation=each.number
                )
                for each in going
            ]
            self._follow(going, live, stopping)
        except (StoreUnavailable, BrokerUnavailable, StoreRolledBack):
            raise
        except Exception as error:  # whatever it is, somebody must look at it
            for each in going:  # one that was cancelled and dropped meanwhile stays as it is
                if self._generations.move(each, "failed", f"{type(error).__name__}: {error}"):
                    log.exception("%s, generation %d, failed", each.view, each.number)

    def _follow(
        self, going: Sequence[Generation], live: Sequence[ViewGeneration], stopping: Event
    ) -> None:
        """Build until what is wanted changes."""
        self._forget_parked(live)
        places = OwnedPartitions(self._store, live)
        writer = BatchWriter(self._store, places)
        starts = places.add(self._subset.partitions(places.topics), self._bounds)
        rate_limit = EventRateLimit(going, self._subset)
        with ExitStack() as stack:
            sources = {
                topic.name: stack.enter_context(self._open_source(topic, wanted))
                for topic in places.topics
                if (
                    wanted := {
                        at: start for (name, at), start in starts.items() if name == topic.name
                    }
                )
            }
            looked_at = time.monotonic()
            while not stopping.is_set():
                if rate_limit.wait_seconds or not sources:
                    stopping.wait(min(rate_limit.wait_seconds or _PAUSE_SECONDS, _LOOK_SECONDS))
                else:
                    rate_limit.record_events(
                        self._build_batch(sources, places, writer, rate_limit.chunk)
                    )
                if time.monotonic() - looked_at > _LOOK_SECONDS:
                    looked_at = time.monotonic()
                    if _unpaused(self._building()) != _unpaused(going):
                        return

    def _forget_parked(self, live: Sequence[ViewGeneration]) -> None:
        """Try again what failed before, unless somebody said to go on without it."""
        for each in live:
            parked = self._store.parked_records.parked(each.view.name, each.generation)
            ours = set(self._subset.partitions([each.view.topic]))
            self._store.parked_records.unpark(
                place
                for place in parked
                if not place.passed_over_because and (place.topic, place.partition) in ours
            )

    def _build_batch(
        self,
        sources: Mapping[str, RecordSource],
        places: OwnedPartitions,
        writer: BatchWriter,
        chunk: int,
    ) -> int:
        def next_offset_of(partition: Partition) -> int:
            return sources[partition[0]].position(partition[1])

        records = _read(sources.values(), chunk)
        batch = project_records(records, places, next_offset_of, datetime.now(UTC))
        self._store.parked_records.park(batch.parked)
        for dead_letter in batch.dead_letters:
            where = f"{dead_letter.topic}:{dead_letter.partition}:{dead_letter.offset}"
            raise CannotApply(f"{where}: {dead_letter.detail}")
        if batch.steps:
            writer.write(batch)
        return len(records)


class EventRateLimit:
    """Keeps a share below its part of the events per second that the operator allows."""

    def __init__(self, going: Iterable[Generation], subset: PartitionSubset) -> None:
        limits = [each.events_per_second for each in going if each.events_per_second]
        self._per_second = min(limits, default=0) / subset.of
        self._next_at = 0.0
        self.chunk = min(_CHUNK, max(1, int(self._per_second))) if limits else _CHUNK

    @property
    def wait_seconds(self) -> float:
        """For how long to do nothing."""
        return max(0.0, self._next_at - time.monotonic())

    def record_events(self, events: int) -> None:
        """Note how many were just applied."""
        if self._per_second:
            self._next_at = max(self._next_at, time.monotonic() - 1) + events / self._per_second


class CannotApply(ProjectionStopped):
    """A record of the log cannot be read, or a view cannot be built from it."""


def _unpaused(generations: Iterable[Generation]) -> set[tuple[str, int, int]]:
    return {
        (each.view, each.number, each.events_per_second)
        for each in generations
        if not each.is_paused
    }


def _read(sources: Iterable[RecordSource], at_most: int) -> list[Record]:
    """Read about so many records; fewer when there are no more."""
    records: list[Record] = []
    for source in sources:
        while len(records) < at_most:
            found = source.poll(_POLL_SECONDS, at_most=min(_POLL_AT_MOST, at_most - len(records)))
            if not found:
                break
            records += found
    return records
