"""The decider of bulk operations, which also writes down how each goes on."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from avro_schemas.codec import decode, encode
from domain.bulk_operation.commands import OperationCommand
from domain.bulk_operation.events import OperationEvent, OperationSelected
from domain.outcomes import refused
from domain.values import OperationId
from infra.decider_runtime.runtime import DeciderRuntime, DeciderTopics
from infra.errors import BrokerUnavailable, RecordRefused
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import PartitionReader
from infra.kafka.topics import OPERATION_COMMANDS, OPERATION_EVENTS
from infra.kafka.transactions import RecordsRefused, TransactionFailed
from streams.bulk_operations.operation_model import OperationDecision, OperationModel
from streams.bulk_operations.tracked_operations import ItemChunk, TrackedOperation

GROUP = "streams.operating"
_TOPICS = DeciderTopics(
    group=GROUP,
    family="operator-",
    events={OPERATION_COMMANDS: OPERATION_EVENTS},
    follows_events=True,
    largest_batch=100,
)

log = logging.getLogger(__name__)


class OperationDecider(DeciderRuntime[OperationCommand, OperationDecision]):
    """Owns the operations of some tenants, and appends, too, the events by which they go on.

    An operation whose next event the broker does not take is set aside.
    """

    def __init__(self, kafka: Kafka, instance: str, now: Callable[[], datetime]) -> None:
        self._kafka = kafka
        self._operations = OperationModel(kafka, now)
        self._unwritable: dict[OperationId, str] = {}
        super().__init__(kafka, instance, _TOPICS, self._operations, refused, now)

    def under_way(self) -> list[TrackedOperation]:
        """List the operations that are ours, have not ended and can be written down."""
        return [
            tracked
            for tracked in self._operations.under_way()
            if tracked.operation.operation_id not in self._unwritable
        ]

    def note(self, tracked: TrackedOperation, events: Sequence[OperationEvent]) -> None:
        """Append events of one operation, durable when it returns."""
        partition, operation_id = tracked.partition, tracked.operation.operation_id
        values = [(event.metadata.entity_id, encode(event)) for event in events]
        after = self._operations.reached(partition)
        try:
            offsets = self.append(OPERATION_COMMANDS, partition, values, after=after)
        except (RecordRefused, RecordsRefused) as trouble:
            log.critical("operation %s cannot go on: %s", operation_id, trouble)
            self._unwritable[operation_id] = str(trouble)
            raise TransactionFailed(str(trouble)) from trouble
        self._operations.take_in(partition, events, offsets)

    def items(self, tracked: TrackedOperation) -> list[str]:
        """Give the items that are next, up to the end of their chunk."""
        chunk, first = tracked.next_chunk()
        if tracked.loaded is None or tracked.loaded[0] != chunk:
            tracked.loaded = chunk, self._items_of(tracked, chunk)
        return tracked.loaded[1][first:]

    def _items_of(self, tracked: TrackedOperation, chunk: ItemChunk) -> list[str]:
        starts = {tracked.partition: chunk.offset}
        with PartitionReader(self._kafka, OPERATION_EVENTS, starts) as reader:
            while reader.position(tracked.partition) <= chunk.offset:
                for record in reader.poll(at_most=1):
                    event = decode(record.value)
                    if record.offset == chunk.offset and isinstance(event, OperationSelected):
                        return list(event.items[: chunk.count])
        raise BrokerUnavailable(f"operation-events has no items at {chunk.offset} any more")
