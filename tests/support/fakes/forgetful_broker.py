"""A broker in memory that forgets to tell some partitions how a transaction ended."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from infra.errors import BrokerUnavailable
from infra.kafka.group_consumer import Partition
from infra.kafka.hanging_transactions.open_transactions import OpenTransaction
from infra.kafka.hanging_transactions.traced_records import TracedRecord
from infra.kafka.provenance import Provenance

Fate = Literal["open", "seen", "gone"]


@dataclass(slots=True, kw_only=True)
class Entry:
    """One record and what became of it."""

    provenance: Provenance
    timestamp_ms: int
    fate: Fate


@dataclass(slots=True, kw_only=True)
class ForgetfulBroker:
    """Is what a Mender looks at; ``offsets_of`` is the writer whose offsets hang."""

    log: dict[Partition, list[Entry]] = field(default_factory=dict)
    offsets: dict[Partition, int] = field(default_factory=dict)
    offsets_of: str | None = None
    ended: list[tuple[str, frozenset[Partition], bool]] = field(default_factory=list)

    def write(
        self,
        writer: str,
        command: Partition,
        offset: int,
        *to: Partition,
        fate: Fate,
        timestamp_ms: int = 0,
    ) -> None:
        """Append a record of this command to each partition."""
        for partition in to:
            provenance = Provenance(writer=writer, command=command, offset=offset)
            entry = Entry(provenance=provenance, timestamp_ms=timestamp_ms, fate=fate)
            self.log.setdefault(partition, []).append(entry)

    def fates(self, partition: Partition) -> list[Fate]:
        """Tell what became of the records that have something to say."""
        return [entry.fate for entry in self.log[partition] if entry.provenance.command != ("", 0)]

    def starts(self) -> dict[Partition, int]:
        return {
            partition: fates.index("open")
            for partition, entries in self.log.items()
            for fates in [[entry.fate for entry in entries]]
            if "open" in fates
        }

    def read(self) -> list[OpenTransaction]:
        return [
            OpenTransaction(partition=at, start=start, traces=tuple(self._traces(at, start, None)))
            for at, start in self.starts().items()
        ]

    def seen_since(self, timestamp_ms: int) -> Iterable[TracedRecord]:
        starts = self.starts()
        for partition, entries in self.log.items():
            for trace in self._traces(partition, 0, starts.get(partition)):
                if trace.timestamp_ms >= timestamp_ms and entries[trace.offset].fate == "seen":
                    yield trace

    def wait_until_moved(self, starts: Mapping[Partition, int]) -> None:
        assert not starts.items() & self.starts().items()

    def committed(self, partitions: list[Partition]) -> Mapping[Partition, int]:
        if self.offsets_of is not None:
            raise BrokerUnavailable("the group's offsets hang")
        return {partition: self.offsets.get(partition, 0) for partition in partitions}

    def writer(self, writer_id: str) -> "Ender":
        """Begin anew as this writer."""
        return Ender(self, writer_id)

    def _traces(self, partition: Partition, start: int, end: int | None) -> list[TracedRecord]:
        return [
            TracedRecord(
                partition=partition,
                offset=at,
                timestamp_ms=each.timestamp_ms,
                provenance=each.provenance,
            )
            for at, each in enumerate(self.log[partition])
            if start <= at and (end is None or at < end)
        ]


class Ender:
    """Ends what one writer left open: a marker ends all of it in the partition."""

    def __init__(self, broker: ForgetfulBroker, writer_id: str) -> None:
        self._broker = broker
        self._id = writer_id

    @property
    def id(self) -> str:
        return self._id

    def end_hanging(
        self, partitions: Collection[Partition], *, is_committed: bool, group: str | None
    ) -> None:
        broker = self._broker
        broker.ended.append((self._id, frozenset(partitions), is_committed))
        for partition in partitions:
            broker.write(self._id, ("", 0), 0, partition, fate="open")
            for entry in broker.log[partition]:
                if entry.provenance.writer == self._id and entry.fate == "open":
                    entry.fate = "seen" if is_committed else "gone"
        if group is not None and broker.offsets_of == self._id:
            assert not is_committed  # these may be offsets of a transaction that did not happen
            broker.offsets_of = None
