"""Open transactions: the tails of partitions that readers do not see yet."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from infra.errors import BrokerUnavailable
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import Partition
from infra.kafka.hanging_transactions.traced_records import TracedRecord, traces
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.topics import Topic

_TIMEOUT_SECONDS = 20.0
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTransaction:
    """What lies in a partition from the first record of an open transaction on.

    What is in it may have taken effect, may have been taken back, or may still do either.
    """

    partition: Partition
    start: int
    traces: tuple[TracedRecord, ...]

    @property
    def holder(self) -> str | None:
        """Name the writer of the open transaction; None when the tail begins without provenance."""
        first = next(iter(self.traces), None)
        return first.provenance.writer if first and first.offset == self.start else None


class OpenTransactionScanner:
    """Looks at the ends of all partitions of some topics; raises BrokerUnavailable.

    A tail is open for a moment after every commit, until the end of it is written.
    """

    def __init__(self, kafka: Kafka, topics: Iterable[Topic]) -> None:
        self._kafka = kafka
        self._bounds = LogBounds(kafka)
        self._partitions = [
            (topic.name, number) for topic in topics for number in range(topic.partitions)
        ]

    def starts(self) -> dict[Partition, int]:
        """Say which partitions have an open tail, and where it begins, without reading it."""
        return {partition: start for partition, (start, _) in self._open().items()}

    def read(self) -> list[OpenTransaction]:
        """Read every tail that is open now."""
        bounds = self._open()
        found: dict[Partition, list[TracedRecord]] = {partition: [] for partition in bounds}
        for trace in traces(self._kafka, bounds, "read_uncommitted"):
            found[trace.partition].append(trace)
        return [
            OpenTransaction(partition=partition, start=start, traces=tuple(found[partition]))
            for partition, (start, _) in bounds.items()
        ]

    def seen_since(self, timestamp_ms: int) -> Iterator[TracedRecord]:
        """Yield what certainly took effect from this time on."""
        starts = self._bounds.since(self._partitions, timestamp_ms)
        ends = self._bounds.stable(self._partitions)
        bounds = {each: (start, ends[each]) for each, start in starts.items()}
        return traces(self._kafka, bounds, "read_committed")

    def wait_until_moved(self, starts: Mapping[Partition, int]) -> None:
        """Wait until none of these tails begins there any more."""
        self._wait({partition: start + 1 for partition, start in starts.items()})

    def wait_until_closed(self, partitions: Collection[Partition]) -> None:
        """Wait until everybody is shown what lies in these partitions now, or it is taken back."""
        self._wait(self._bounds.last(partitions))

    def _wait(self, wanted: Mapping[Partition, int]) -> None:
        left = dict(wanted)
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while left:
            stable = self._bounds.stable(left)
            left = {each: end for each, end in left.items() if stable[each] < end}
            if left and time.monotonic() > deadline:
                raise BrokerUnavailable(f"a transaction in {min(left)} does not end")
            if left:
                time.sleep(_PAUSE_SECONDS)

    def _open(self) -> dict[Partition, tuple[int, int]]:
        ends = self._bounds.last(self._partitions)  # first: what comes meanwhile is no tail
        stable = self._bounds.stable(self._partitions)
        return {each: (stable[each], end) for each, end in ends.items() if stable[each] < end}
