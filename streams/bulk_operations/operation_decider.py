"""The book of operations: its owner alone decides about them and writes down how they go on."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from avro_schemas.codec import decode, encode
from avro_schemas.errors import KeysLost, Undecodable
from domain.bulk_operation import decide
from domain.bulk_operation.commands import OperationCommand
from domain.bulk_operation.events import OperationEvent, OperationSelected
from domain.errors import Refusal
from domain.outcomes import Outcome
from domain.replies import accepted, refused, unchanged
from domain.values import OperationId
from infra.decider_runtime.broken_histories import record_location
from infra.decider_runtime.poison_commands import PoisonCommands, dead_letter_code
from infra.errors import BrokerUnavailable, HistoryBroken, RecordRefused
from infra.kafka import topics
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import GroupConsumer, Partition, next_offsets
from infra.kafka.hanging_transactions.open_transactions import OpenTransactionScanner
from infra.kafka.hanging_transactions.recovery import HangingTransactionRecovery
from infra.kafka.partition_reader import PartitionReader, Record
from infra.kafka.provenance import Provenance
from infra.kafka.record_limits import require_writable
from infra.kafka.transactions import RecordsRefused, TransactionalProducer, TransactionFailed
from read_models.category_catalogues import CategoryCatalogues
from streams.bulk_operations.tracked_operations import (
    ItemChunk,
    TrackedOperation,
    TrackedOperations,
)

GROUP = "streams.operating"
_FAMILY = "operator-"
_BATCH = 100
_MAX_POLL_SECONDS = 600

log = logging.getLogger(__name__)


class _Decided(NamedTuple):
    """What became of a command; ``numbers`` are its events' places in the transaction."""

    command: OperationCommand
    record: Record
    events: list[OperationEvent]
    numbers: list[int]
    refusal: Refusal | None


class OperationDecider:
    """Owns some partitions of operation-commands, and with them the operations of some tenants.

    Whatever is written is one transaction with the group's offset, so that an owner who lost a
    partition without noticing cannot write any more. The group keeps, too, how far the events of a
    partition have come: events that follow from no command bear the place after which they were
    noted as their mark, and what the broker forgot to end is ended (recovery.py).

    A command that can be neither carried out nor refused is buried (poison_commands.py). An
    operation whose history is broken, or whose next event the broker does not take, is set aside.

    After BrokerUnavailable, which every method may raise, nobody knows whether it was written:
    ``recover`` finds out by folding the log again.
    """

    def __init__(self, kafka: Kafka, instance: str, now: Callable[[], datetime]) -> None:
        self._kafka = kafka
        self._now = now
        self._catalogues = CategoryCatalogues(kafka)
        self._known: dict[int, TrackedOperations] = {}
        self._reached: dict[int, int] = {}  # how far the events of each partition are known
        self._writer = TransactionalProducer(kafka, f"{_FAMILY}{instance}")
        self._poison = PoisonCommands(self._writer, now)
        self._unwritable: dict[OperationId, str] = {}
        self._tails = OpenTransactionScanner(
            kafka, (topics.OPERATION_EVENTS, topics.COMMAND_RESULTS, topics.COMMANDS_DEAD_LETTERS)
        )
        self._recovery = HangingTransactionRecovery(
            self._tails,
            lambda other: TransactionalProducer(kafka, other),
            GROUP,
            (topics.OPERATION_COMMANDS, topics.OPERATION_EVENTS),
            family=_FAMILY,
        )
        self._reader = GroupConsumer(
            kafka,
            GROUP,
            (topics.OPERATION_COMMANDS,),
            starts_of=lambda partitions: self._recovery.starts(partitions, self._reader),
            on_revoked=self._revoked,
            max_poll_seconds=_MAX_POLL_SECONDS,
        )

    def close(self) -> None:
        """Leave the group, so that another takes over at once."""
        self._reader.close()
        self._catalogues.close()

    def recover(self) -> None:
        """Forget all that is folded, end what hangs, and go back to what is certain."""
        self._known.clear()
        self._writer.renew()
        self._recovery.recover(self._writer, self._reader)
        self._reader.rewind(self._recovery.decided)

    def step(self, wait_seconds: float) -> int:
        """Decide what customers wished meanwhile, waiting so long for the first; count it."""
        self._recovery.look(self._writer.id)
        records = self._reader.poll(_BATCH, wait_seconds)
        for _, number in self._reader.assigned():
            if number not in self._known:
                self._known[number] = self._folded(number)
        ours = [record for record in records if record.partition in self._known]
        for portion in self._poison.portions(ours):
            try:
                self._decide(portion)
            except RecordsRefused as trouble:
                self._poison.note_refusal(portion, str(trouble))
                raise
            self._poison.settle(portion)
        return len(ours)

    def under_way(self) -> list[TrackedOperation]:
        """List the operations that are ours, have not ended and can be written down."""
        return [
            tracked
            for tracked_operations in self._known.values()
            for tracked in tracked_operations.under_way()
            if tracked.operation.operation_id not in self._unwritable
        ]

    def note(self, tracked: TrackedOperation, events: Sequence[OperationEvent]) -> None:
        """Append events of one operation, durable when it returns."""
        try:
            self._note(tracked, events)
        except (RecordRefused, RecordsRefused) as trouble:
            operation_id = tracked.operation.operation_id
            log.critical("operation %s cannot go on: %s", operation_id, trouble)
            self._unwritable[operation_id] = str(trouble)
            raise TransactionFailed(str(trouble)) from trouble

    def _note(self, tracked: TrackedOperation, events: Sequence[OperationEvent]) -> None:
        number = tracked.partition
        place = (topics.OPERATION_COMMANDS.name, number)
        cause = self._mark((topics.OPERATION_EVENTS.name, number), self._reached[number])
        self._writer.begin()
        for event in events:
            self._append(number, event.metadata.entity_id, encode(event), cause)
        offsets = self._writer.settle()
        self._commit({place: self._reader.position(place)}, {number: offsets[-1] + 1})
        for event, offset in zip(events, offsets, strict=True):
            self._known[number].take_in(event, offset)

    def items(self, tracked: TrackedOperation) -> list[str]:
        """Give the items that are next, up to the end of their chunk."""
        chunk, first = tracked.next_chunk()
        if tracked.loaded is None or tracked.loaded[0] != chunk:
            tracked.loaded = chunk, self._items_of(tracked, chunk)
        return tracked.loaded[1][first:]

    def _items_of(self, tracked: TrackedOperation, chunk: ItemChunk) -> list[str]:
        starts = {tracked.partition: chunk.offset}
        with PartitionReader(self._kafka, topics.OPERATION_EVENTS, starts) as reader:
            while reader.position(tracked.partition) <= chunk.offset:
                for record in reader.poll(at_most=1):
                    event = decode(record.value)
                    if record.offset == chunk.offset and isinstance(event, OperationSelected):
                        return list(event.items[: chunk.count])
        raise BrokerUnavailable(f"operation-events has no items at {chunk.offset} any more")

    def _decide(self, records: Sequence[Record]) -> None:
        self._catalogues.catch_up()
        told: list[_Decided] = []
        self._writer.begin()
        for record in records:
            command = self._command(record)
            if command is None:
                continue
            try:
                each = self._decided(record, command)
            except (BrokerUnavailable, KeysLost, OSError, MemoryError):
                raise
            except Exception as fault:  # one command must not stop those behind it
                log.exception("%s cannot be decided", type(command).__name__)
                reason = f"{type(fault).__name__}: {fault}"
                self._poison.append_dead_letter(record, dead_letter_code(fault), reason, command)
                continue
            for event in each.events:
                # The next command of this batch meets it; a failed transaction forgets it all.
                self._known[record.partition].take_in(event, 0)
            told.append(each)
        offsets = self._writer.settle() if any(each.numbers for each in told) else []
        for each in told:
            self._tell(each, offsets)
        reached = {
            each.record.partition: offsets[each.numbers[-1]] + 1 for each in told if each.numbers
        }
        self._commit(next_offsets(records), reached)

    def _commit(self, read: Mapping[Partition, int], reached: Mapping[int, int]) -> None:
        events = {(topics.OPERATION_EVENTS.name, number): at for number, at in reached.items()}
        self._writer.commit(self._reader, {**read, **events})
        self._recovery.note({**read, **events})
        self._reached |= reached

    def _decided(self, record: Record, command: OperationCommand) -> _Decided:
        """Decide a command and append its events; whatever it raises, nothing is appended."""
        tenant_id, tracked_operations = command.metadata.tenant_id, self._known[record.partition]
        for operation_id in (command.metadata.entity_id, getattr(command, "reverts", "")):
            if operation_id in tracked_operations.broken:
                raise HistoryBroken(tracked_operations.broken[operation_id])
        events: list[OperationEvent] = []
        refusal = None
        try:
            events = decide(
                command,
                tracked_operations.of(tenant_id),
                self._catalogues.of(tenant_id),
                self._now(),
            )
        except Refusal as refused_because:
            refusal = refused_because
        written = [(event.metadata.entity_id, encode(event)) for event in events]
        for key, value in written:
            require_writable(topics.OPERATION_EVENTS, key, value)
        cause = self._cause(record)
        numbers = [self._append(record.partition, *each, cause) for each in written]
        return _Decided(command, record, events, numbers, refusal)

    def _tell(self, told: _Decided, offsets: list[int]) -> None:
        metadata = told.command.metadata
        if metadata.reply_partition is None:
            return
        if told.refusal is not None:
            outcome: Outcome = refused(told.command, told.refusal, self._now())
        elif not told.events:
            outcome = unchanged(told.command, self._now())
        else:
            offset = offsets[told.numbers[-1]]
            place = f"{topics.OPERATION_EVENTS.name}:{told.record.partition}:{offset}"
            outcome = accepted(told.events, position=place)
        to = metadata.reply_partition % topics.COMMAND_RESULTS.partitions
        key, headers = metadata.command_id, self._cause(told.record).headers
        try:
            self._writer.append(topics.COMMAND_RESULTS, to, key, encode(outcome), headers=headers)
        except (RecordRefused, ValueError) as trouble:  # begin anew without this command
            self._poison.mark_poisonous(told.record, f"its answer cannot be written: {trouble}")
            raise TransactionFailed(str(trouble)) from trouble

    def _append(self, partition: int, key: str, value: bytes, cause: Provenance) -> int:
        """Append under the operation's id, in the partition of its tenant's commands."""
        topic = topics.OPERATION_EVENTS
        return self._writer.append(topic, partition, key, value, headers=cause.headers)

    def _cause(self, record: Record) -> Provenance:
        return self._mark((record.topic, record.partition), record.offset)

    def _mark(self, place: Partition, offset: int) -> Provenance:
        return Provenance(writer=self._writer.id, command=place, offset=offset)

    def _command(self, record: Record) -> OperationCommand | None:
        try:
            command = decode(record.value)
        except Undecodable as trouble:
            reason = str(trouble)
        else:
            if isinstance(command, OperationCommand):
                known = self._poison.reason(record)
                if known is None:
                    return command
                self._poison.append_dead_letter(record, "not_written", known, command)
                return None
            reason = f"{type(command).__name__} is no command of operations"
        self._poison.append_dead_letter(record, "undecodable", reason)
        return None

    def _folded(self, partition: int) -> TrackedOperations:
        # Waits until a transaction that a dead owner left open has been resolved.
        self._reader.committed([(topics.OPERATION_COMMANDS.name, partition)])
        self._tails.wait_until_closed([(topics.OPERATION_EVENTS.name, partition)])
        tracked_operations = TrackedOperations(partition)
        with PartitionReader(self._kafka, topics.OPERATION_EVENTS, {partition: 0}) as reader:
            for record in reader.read_to_end():
                try:
                    event = decode(record.value)
                except Undecodable as trouble:
                    reason = f"{record_location(record)} cannot be read: {trouble}"
                    tracked_operations.mark_broken(record.key.decode(errors="replace"), reason)
                    continue
                if isinstance(event, OperationEvent):
                    tracked_operations.take_in(event, record.offset)
            self._reached[partition] = reader.position(partition)
        return tracked_operations

    def _revoked(self, partitions: list[Partition]) -> None:
        for _, number in partitions:
            self._known.pop(number, None)
