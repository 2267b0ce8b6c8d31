"""The loop of a single writer: commands in, events out, each batch in one transaction."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Generic, NamedTuple

from avro_schemas.codec import Message, decode
from avro_schemas.errors import KeysLost, Undecodable
from domain.commands import Command
from domain.errors import Refusal
from infra.decider_runtime.decision_model import CommandT, DecisionModel, DecisionT
from infra.decider_runtime.poison_commands import PoisonCommands, provenance_of
from infra.errors import BrokerUnavailable, HistoryBroken, InfraError, RecordRefused
from infra.failpoints import pass_by
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import GroupConsumer, Partition, next_offsets
from infra.kafka.hanging_transactions.open_transactions import OpenTransactionScanner
from infra.kafka.hanging_transactions.recovery import HangingTransactionRecovery
from infra.kafka.partition_reader import Record
from infra.kafka.producer import LogPosition
from infra.kafka.provenance import Provenance
from infra.kafka.topics import COMMAND_RESULTS, COMMANDS_DEAD_LETTERS, Topic
from infra.kafka.transactions import RecordsRefused, TransactionalProducer, TransactionFailed

_IDLE_SECONDS = 0.2
_RETRY_SECONDS = 1.0
_MAX_POLL_SECONDS = 600  # a cold fold of a large partition may take minutes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeciderTopics:
    """What the deciders of one kind consume as one group, and what they append.

    ``events`` says for each topic of commands where the events go: into the partition of the same
    number. ``family`` is how the transactional ids of all these deciders begin. With
    ``follows_events`` the group keeps, too, how far the events have come, so that events that
    follow from no command can be traced.
    """

    group: str
    family: str
    events: Mapping[Topic, Topic]
    also: tuple[Topic, ...] = ()
    follows_events: bool = False
    largest_batch: int


class DeciderRuntime(Generic[CommandT, DecisionT]):
    """Owns some partitions of commands, and is the only one who appends the events they lead to.

    Each batch is one transaction: events, replies to the waiting senders, whatever else follows,
    and the group's offsets; so an owner who lost a partition without noticing cannot write any
    more. Whatever fails (broker down, fenced by a new owner, killed) has no effect: set
    ``must_recover`` after BrokerUnavailable, which every method may raise. A command that can be
    neither carried out nor refused, for it cannot be read, makes a rule fail, is about something
    whose history is broken, or leads to what is too large for its topic, goes to
    commands.dead-letters, and those behind it go on (poison_commands.py).
    """

    def __init__(
        self,
        kafka: Kafka,
        instance: str,
        topics: DeciderTopics,
        model: DecisionModel[CommandT, DecisionT],
        refused: Callable[[Command, Refusal, datetime], Message],
        now: Callable[[], datetime],
    ) -> None:
        self._topics = topics
        self._model = model
        self._events = {commands.name: events for commands, events in topics.events.items()}
        self._writer = TransactionalProducer(kafka, f"{topics.family}{instance}")
        self._poison = PoisonCommands(self._writer, refused, now)
        events = tuple(topics.events.values())
        self._recovery = HangingTransactionRecovery(
            OpenTransactionScanner(
                kafka, (*events, COMMAND_RESULTS, COMMANDS_DEAD_LETTERS, *topics.also)
            ),
            lambda other: TransactionalProducer(kafka, other),
            topics.group,
            (*topics.events, *(events if topics.follows_events else ())),
            family=topics.family,
            is_folded=model.is_folded,
        )
        self._consumer = GroupConsumer(
            kafka,
            topics.group,
            topics.events,
            starts_of=self._assigned,
            on_revoked=model.forget,
            max_poll_seconds=_MAX_POLL_SECONDS,
        )
        self.decided = 0
        self.must_recover = True  # who was here before may have left a transaction open

    def close(self) -> None:
        """Leave the group, so that another takes over at once."""
        self._consumer.close()
        self._model.close()

    def run(self, stopping: Event) -> None:
        """Decide until told to stop; trouble with the broker is waited out."""
        while not stopping.is_set():
            try:
                self.step()
            except BrokerUnavailable as trouble:
                log.warning("starting over from the committed offsets: %s", trouble)
                self.must_recover = True
                stopping.wait(_RETRY_SECONDS)

    def recover(self) -> None:
        """Begin anew: end what the broker forgot to end, and go back to what certainly was decided.

        Whatever is folded of a transaction that failed is forgotten.
        """
        self._model.forget(
            (commands.name, number)
            for commands in self._topics.events
            for number in range(commands.partitions)
        )
        self._writer.renew()
        self._recovery.recover(self._writer, self._consumer)
        self._consumer.rewind(self._recovery.decided)
        self.must_recover = False

    def step(self, wait_seconds: float = _IDLE_SECONDS) -> int:
        """Decide one batch, waiting so long for its first command; say how many it had."""
        if self.must_recover:
            self.recover()
        self._recovery.look(self._writer.id)
        records = self._consumer.poll(self._topics.largest_batch, wait_seconds)
        for portion in self._poison.portions(self._model.fold(records, self._consumer)):
            try:
                self._decide(portion)
            except RecordsRefused as trouble:
                self._poison.note_refusal(portion, str(trouble))
                raise
            self._poison.forget(portion)
        self.decided += len(records)
        return len(records)

    def append(
        self, commands: Topic, partition: int, events: Sequence[tuple[str, bytes]], *, after: int
    ) -> list[int]:
        """Append keys and events that follow from no command; durable when it gives the offsets.

        They are traced to the event before them: ``after`` is the offset that follows all that was
        known when they were made.
        """
        topic, asked = self._topics.events[commands], (commands.name, partition)
        place = (topic.name, partition)
        cause = Provenance(writer=self._writer.id, command=place, offset=after)
        self._writer.begin()
        for key, value in events:
            self._writer.append(topic, partition, key, value, headers=cause.headers)
        offsets = self._writer.flush()
        self._commit({asked: self._consumer.position(asked), place: offsets[-1] + 1})
        return offsets

    def _assigned(self, partitions: list[Partition]) -> dict[Partition, int]:
        self._model.forget(partitions)
        return self._recovery.starts(partitions, self._consumer)

    def _decide(self, records: list[Record]) -> None:
        # All is decided before anything is appended: a decision may wait until transactions of
        # other deciders have ended, and two that hold one open would wait for each other.
        self._model.begin()
        results = [(record, self._decided(record)) for record in records]
        self._writer.begin()
        decisions = self._append_events(results)
        for record, decision in decisions:
            self._append_reply(record, decision)
        for record, decision in decisions:
            for topic, value in decision.also_appended():
                partition = record.partition % topic.partitions
                self._append(topic, partition, decision.command.metadata.entity_id, value, record)
        pass_by("decider.before_commit")
        offsets = next_offsets(records)
        if self._topics.follows_events:
            positions = [each.position for _, each in decisions if each.position]
            offsets |= {(each.topic, each.partition): each.offset + 1 for each in positions}
        self._commit(offsets)
        pass_by("decider.after_commit_before_state")
        self._model.committed([decision for _, decision in decisions])

    def _decided(self, record: Record) -> "DecisionT | _Undecidable":
        """Decide the command in a record, or say why that cannot be done."""
        try:
            message = decode(record.value)
        except Undecodable as error:
            return _Undecidable("undecodable", str(error))
        command = self._model.command_in(record.topic, message)
        if command is None:
            reason = f"{type(message).__name__} is no command of {record.topic}"
            return _Undecidable("undecodable", reason)
        known = self._poison.reason(record)
        if known is not None:
            return _Undecidable("not_written", known, command)
        try:
            return self._model.decide(record.partition, command)
        except HistoryBroken as error:
            return _Undecidable("history_broken", f"HistoryBroken: {error}", command)
        except RecordRefused as error:
            return _Undecidable("not_written", f"RecordRefused: {error}", command)
        except (InfraError, KeysLost, OSError, MemoryError):
            raise
        except Exception as error:  # one command must not stop those behind it
            log.exception("%s cannot be decided", type(command).__name__)
            return _Undecidable("decider_failed", f"{type(error).__name__}: {error}", command)

    def _append_events(
        self, results: Sequence[tuple[Record, "DecisionT | _Undecidable"]]
    ) -> list[tuple[Record, DecisionT]]:
        """Append all events, or else a dead letter; give the decisions with their positions."""
        decisions: list[tuple[Record, DecisionT]] = []
        numbers: list[int] = []  # of each decision: which record of the transaction its last is
        for record, result in results:
            if isinstance(result, _Undecidable):
                self._poison.append_dead_letter(record, *result)
                continue
            number, topic = -1, self._events[record.topic]
            for value in result.written:
                key = result.command.metadata.entity_id
                number = self._append(topic, record.partition, key, value, record)
            decisions.append((record, result))
            numbers.append(number)
        offsets = self._writer.flush() if any(each.written for _, each in decisions) else []
        for (record, decision), number in zip(decisions, numbers, strict=True):
            if decision.written:
                topic = self._events[record.topic]
                decision.position = LogPosition(
                    topic=topic.name, partition=record.partition, offset=offsets[number]
                )
        return decisions

    def _append_reply(self, record: Record, decision: DecisionT) -> None:
        try:
            reply = decision.reply()
        except KeysLost:
            raise
        except Exception as error:  # begin anew without this command, whose events are written
            self._poison.mark_poisonous(record, f"its answer cannot be spelled: {error}")
            raise TransactionFailed(f"answering {record.topic}: {error}") from error
        address = decision.command.metadata
        if reply is not None and address.reply_partition is not None:
            partition = address.reply_partition % COMMAND_RESULTS.partitions
            self._append(COMMAND_RESULTS, partition, address.command_id, reply, record)

    def _append(self, topic: Topic, partition: int, key: str, value: bytes, cause: Record) -> int:
        headers = provenance_of(cause, self._writer.id).headers
        try:
            return self._writer.append(topic, partition, key, value, headers=headers)
        except RecordRefused as error:
            self._poison.mark_poisonous(cause, str(error))
            raise TransactionFailed(str(error)) from error

    def _commit(self, offsets: Mapping[Partition, int]) -> None:
        self._writer.commit(self._consumer, offsets)
        self._recovery.note(offsets)


class _Undecidable(NamedTuple):
    """Why a command cannot be decided."""

    code: str
    reason: str
    command: Command | None = None
