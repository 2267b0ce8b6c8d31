"""What commands about bulk operations are decided by: all operations of some partitions."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from avro_schemas.codec import Message, encode
from domain.bulk_operation import decide
from domain.bulk_operation.commands import OperationCommand
from domain.bulk_operation.events import OperationEvent
from domain.errors import Refusal
from domain.outcomes import Outcome, accepted, refused, unchanged
from infra.decider_runtime.broken_histories import event_in
from infra.decider_runtime.decision_model import Decision
from infra.errors import HistoryBroken
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import GroupConsumer, Partition
from infra.kafka.hanging_transactions.open_transactions import OpenTransactionScanner
from infra.kafka.partition_reader import PartitionReader, Record
from infra.kafka.record_limits import require_writable
from infra.kafka.topics import OPERATION_COMMANDS, OPERATION_EVENTS
from read_models.category_catalogues import CategoryCatalogues
from streams.bulk_operations.tracked_operations import TrackedOperation, TrackedOperations


@dataclass(slots=True, kw_only=True)
class OperationDecision(Decision[OperationCommand]):
    """What one command about a bulk operation comes to."""

    events: list[OperationEvent]

    def reply(self) -> bytes | None:
        """Encode the reply to the sender; None when nobody waits."""
        return None if self.command.metadata.reply_partition is None else encode(self._outcome())

    def _outcome(self) -> Outcome:
        if self.refusal is not None:
            return refused(self.command, self.refusal, self.now)
        if not self.events:
            return unchanged(self.command, self.now)
        return accepted(self.events, position=str(self.position))


class OperationModel:
    """The operations of the partitions that are ours, folded in memory from the first event.

    An operation whose history is broken is set aside.
    """

    def __init__(self, kafka: Kafka, now: Callable[[], datetime]) -> None:
        self._kafka = kafka
        self._now = now
        self._catalogues = CategoryCatalogues(kafka)
        self._tails = OpenTransactionScanner(kafka, (OPERATION_EVENTS,))
        self._known: dict[int, TrackedOperations] = {}
        self._reached: dict[int, int] = {}

    def close(self) -> None:
        """Let go of the categories' connection."""
        self._catalogues.close()

    def under_way(self) -> Iterator[TrackedOperation]:
        """Go through the operations that are ours and have not ended."""
        for operations in self._known.values():
            yield from operations.under_way()

    def reached(self, partition: int) -> int:
        """Give the offset that follows the events which are folded of a partition."""
        return self._reached[partition]

    def take_in(
        self, partition: int, events: Sequence[OperationEvent], offsets: Sequence[int]
    ) -> None:
        """Fold events that lie in the log now."""
        self._reached[partition] = offsets[-1] + 1
        for event, offset in zip(events, offsets, strict=True):
            self._known[partition].take_in(event, offset)

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Forget what is folded of these partitions, which is folded again when they are ours."""
        for _, number in partitions:
            self._known.pop(number, None)

    def fold(self, records: Sequence[Record], consumer: GroupConsumer) -> list[Record]:
        """Fold all partitions that are ours; give the commands in them."""
        for _, number in consumer.assigned():
            if number not in self._known:
                self._known[number] = self._folded(number, consumer)
        return [record for record in records if record.partition in self._known]

    def is_folded(self, _partition: Partition, _offset: int) -> bool:
        """Return False: what is folded in memory is forgotten before anybody asks."""
        return False

    def begin(self) -> None:
        """Begin a batch, with all categories that there are now."""
        self._catalogues.catch_up()

    def command_in(self, topic: str, message: Message) -> OperationCommand | None:
        """Give the message if it is a command about a bulk operation."""
        del topic  # there is one
        return message if isinstance(message, OperationCommand) else None

    def decide(self, partition: int, command: OperationCommand) -> OperationDecision:
        """Decide one command; the next of its batch meets its events."""
        tenant_id, operations = command.metadata.tenant_id, self._known[partition]
        for operation_id in (command.metadata.entity_id, getattr(command, "reverts", "")):
            if operation_id in operations.broken:
                raise HistoryBroken(operations.broken[operation_id])
        events: list[OperationEvent] = []
        refusal, now = None, self._now()
        try:
            events = decide(command, operations.of(tenant_id), self._catalogues.of(tenant_id), now)
        except Refusal as reason:
            refusal = reason
        written = [encode(event) for event in events]
        for value in written:
            require_writable(OPERATION_EVENTS, command.metadata.entity_id, value)
        for event in events:
            operations.take_in(event, 0)  # only items are looked up, which no command brings
        return OperationDecision(
            command=command, now=now, events=events, written=written, refusal=refusal
        )

    def committed(self, decisions: Sequence[OperationDecision]) -> None:
        """Note how far the events have come; they were folded as they were decided."""
        for decision in decisions:
            if decision.position is not None:
                self._reached[decision.position.partition] = decision.position.offset + 1

    def _folded(self, partition: int, consumer: GroupConsumer) -> TrackedOperations:
        # Waits until a transaction that a dead owner left open has been resolved.
        consumer.committed([(OPERATION_COMMANDS.name, partition)])
        self._tails.wait_until_closed([(OPERATION_EVENTS.name, partition)])
        operations = TrackedOperations(partition)
        with PartitionReader(self._kafka, OPERATION_EVENTS, {partition: 0}) as reader:
            for record in reader.read_to_end():
                event = event_in(record, operations.mark_broken)
                if isinstance(event, OperationEvent):
                    operations.take_in(event, record.offset)
            self._reached[partition] = reader.position(partition)
        return operations
