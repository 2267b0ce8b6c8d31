"""Partition catch-up: folds what was appended before anything is decided."""

import logging
from collections.abc import Collection, Iterable

from command_api.decider.folded_state import FoldedState
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import Partition
from infra.kafka.hanging_transactions.open_transactions import OpenTransactionScanner
from infra.kafka.hanging_transactions.recovery import CommittedOffsets
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.partition_reader import PartitionReader, Record
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS

log = logging.getLogger(__name__)


class PartitionCatchUp:
    """Knows which partitions of asset-events may hold what is not folded, and folds them.

    A partition that is shorter than it was has lost events, and nothing may be appended to it: its
    commands wait until the log is restored and the decider started again. Those of the other
    partitions do not.
    """

    def __init__(self, kafka: Kafka, state: FoldedState) -> None:
        self._kafka = kafka
        self._state = state
        self._tails = OpenTransactionScanner(kafka, (ASSET_EVENTS,))
        self._stale: set[int] = set()
        self._shrunk: set[int] = set()

    def mark_stale(self, partitions: Iterable[Partition]) -> None:
        """Take it that something was appended that is not folded."""
        self._stale |= {number for topic, number in partitions if topic == ASSET_COMMANDS.name}

    def is_folded(self, partition: Partition, offset: int) -> bool:
        """Tell whether an event is folded already."""
        topic, number = partition
        return topic == ASSET_EVENTS.name and offset < self._state.next_offset(number)

    def fold(self, records: Collection[Record], reader: CommittedOffsets) -> list[Record]:
        """Fold what these commands may meet; give those that can be decided.

        Raises BrokerUnavailable.
        """
        partitions = {each.partition for each in records if each.topic == ASSET_COMMANDS.name}
        if stale := self._stale & partitions:
            self._fold(stale, reader)
            self._stale -= stale
        return [
            record
            for record in records
            if record.topic != ASSET_COMMANDS.name or record.partition not in self._shrunk
        ]

    def _fold(self, stale: set[int], reader: CommittedOffsets) -> None:
        # Waits until a transaction that a dead owner left open has been resolved.
        reader.committed([(ASSET_COMMANDS.name, partition) for partition in stale])
        events = [(ASSET_EVENTS.name, partition) for partition in stale]
        self._tails.wait_until_closed(events)
        ends = {number: end for (_, number), end in LogBounds(self._kafka).stable(events).items()}
        starts = {partition: self._state.next_offset(partition) for partition in stale}
        shrunk = {number for number, start in starts.items() if start > ends[number]}
        self._shrunk = self._shrunk - stale | shrunk
        for partition in shrunk:
            log.critical(
                "asset-events/%d ends at %d, but %d records were folded from it: events are"
                " lost; restore the log, then start the decider again",
                *(partition, ends[partition], starts[partition]),
            )
        if left := {number: start for number, start in starts.items() if start < ends[number]}:
            self._read(left, ends)

    def _read(self, starts: dict[int, int], ends: dict[int, int]) -> None:
        with PartitionReader(self._kafka, ASSET_EVENTS, starts) as reader:
            while any(reader.position(partition) < ends[partition] for partition in starts):
                by_partition: dict[int, list[Record]] = {}
                for record in reader.poll():
                    by_partition.setdefault(record.partition, []).append(record)
                for partition, found in by_partition.items():
                    self._state.fold(partition, found)
