"""The loop of the single writer: consume, decide, append, all in one transaction."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event
from typing import NamedTuple

from avro_schemas.codec import decode, encode
from avro_schemas.errors import KeysLost, Undecodable
from command_api.decider.catalogue_table import CatalogueTable
from command_api.decider.command_batch import CommandBatch, Decision
from command_api.decider.folded_state import FoldedState, StateChanges
from command_api.decider.partition_catch_up import PartitionCatchUp
from domain.asset.commands import AssetCommand
from domain.category.commands import CatalogueCommand
from domain.category.events import CatalogueEvent
from domain.commands import Command
from infra.decider_runtime.poison_commands import PoisonCommands, dead_letter_code
from infra.errors import BrokerUnavailable, RecordRefused
from infra.failpoints import pass_by
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import GroupConsumer, Partition, next_offsets
from infra.kafka.hanging_transactions.open_transactions import OpenTransactionScanner
from infra.kafka.hanging_transactions.recovery import HangingTransactionRecovery
from infra.kafka.partition_reader import Record
from infra.kafka.provenance import Provenance
from infra.kafka.topics import (
    ASSET_COMMANDS,
    ASSET_EVENTS,
    CATEGORY_COMMANDS,
    CATEGORY_EVENTS,
    COMMAND_RESULTS,
    COMMANDS_DEAD_LETTERS,
    DISCARDED_BLOBS,
    Topic,
)
from infra.kafka.transactions import RecordsRefused, TransactionalProducer, TransactionFailed

GROUP = "command_api.decider"
_FAMILY = "decider-"
_BATCH = 500
_IDLE_SECONDS = 0.2
_RETRY_SECONDS = 1.0
_MAX_POLL_SECONDS = 600  # a cold fold of a large partition may take minutes

log = logging.getLogger(__name__)


class Decider:
    """Owns some partitions of the command topics, and is the only one who appends their events.

    Each batch is one transaction: events, results for the waiting HTTP instances, which bytes count
    for nothing, and the group's offsets. Whatever fails (broker down, fenced by a new owner,
    killed) has no effect: the producer is thrown away, what the broker forgot to end is ended
    (recovery.py), the tail of the log is folded again, and the commands are read again from the
    committed offsets. A command that can be neither carried out nor refused, for it cannot be read,
    makes a rule fail, is about something whose history is broken, or leads to what is too large for
    its topic, goes to commands.dead-letters, and those behind it go on
    (infra/decider_runtime/poison_commands.py).
    """

    def __init__(
        self,
        kafka: Kafka,
        state: FoldedState,
        instance: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._kafka = kafka
        self._state = state
        self._now = now
        self._catalogues = CatalogueTable(kafka)
        self._must_catch_up = True
        self._writer = TransactionalProducer(kafka, f"{_FAMILY}{instance}")
        self._poison = PoisonCommands(self._writer, now)
        self._tails = OpenTransactionScanner(
            kafka,
            (
                ASSET_EVENTS,
                CATEGORY_EVENTS,
                COMMAND_RESULTS,
                COMMANDS_DEAD_LETTERS,
                DISCARDED_BLOBS,
            ),
        )
        self._catch_up = PartitionCatchUp(kafka, state, self._tails)
        self._recovery = HangingTransactionRecovery(
            self._tails,
            lambda other: TransactionalProducer(kafka, other),
            GROUP,
            (ASSET_COMMANDS, CATEGORY_COMMANDS),
            family=_FAMILY,
            is_folded=self._catch_up.is_folded,
        )
        self._reader = GroupConsumer(
            kafka,
            GROUP,
            (ASSET_COMMANDS, CATEGORY_COMMANDS),
            starts_of=self._assigned,
            max_poll_seconds=_MAX_POLL_SECONDS,
        )
        self.decided = 0

    def run(self, stopping: Event) -> None:
        """Decide until told to stop; trouble with the broker is waited out."""
        must_recover = True
        while not stopping.is_set():
            try:
                if must_recover:
                    self._recover()
                    must_recover = False
                self._recovery.look(self._writer.id)
                self.step()
            except BrokerUnavailable as trouble:
                log.warning("starting over from the committed offsets: %s", trouble)
                must_recover = True
                stopping.wait(_RETRY_SECONDS)

    def close(self) -> None:
        """Leave the group, so that another takes over at once."""
        self._reader.close()
        self._catalogues.close()

    def step(self) -> int:
        """Decide one batch and say how many commands it had; raises BrokerUnavailable."""
        records = self._reader.poll(_BATCH, _IDLE_SECONDS)
        if not records:
            self._catalogues.follow()
            return 0
        ours = self._catch_up.fold(records, self._reader)
        if self._must_catch_up:
            self._catalogues.catch_up()
            self._must_catch_up = False
        else:
            self._catalogues.follow()
        for portion in self._poison.portions(ours):
            try:
                self._decide(portion)
            except RecordsRefused as trouble:
                self._poison.note_refusal(portion, str(trouble))
                raise
            self._poison.settle(portion)
        self.decided += len(records)
        return len(records)

    def _decide(self, records: list[Record]) -> None:
        current = CommandBatch(self._state, self._catalogues, self._now)
        # All is decided before anything is appended: a decision may wait until transactions of
        # other deciders have ended, and two that hold one open would wait for each other.
        decided = [(record, self._decided(current, record)) for record in records]
        self._writer.begin()
        causes: list[Record] = []  # of the decisions, in their order
        numbers: dict[int, list[int]] = {}  # of each decision: where its events are in the batch
        for record, decision in decided:
            if isinstance(decision, _Undecided):
                self._poison.append_dead_letter(
                    record, decision.code, decision.reason, decision.command
                )
                continue
            causes.append(record)
            topic = ASSET_EVENTS if _is_of_asset(record) else CATEGORY_EVENTS
            numbers[id(decision)] = [
                self._append(topic, record.partition, record.key, written, record)
                for written in decision.written
            ]
        offsets = self._writer.settle() if any(numbers.values()) else []

        def position(decision: Decision) -> str:
            topic = ASSET_EVENTS if isinstance(decision.command, AssetCommand) else CATEGORY_EVENTS
            offset = offsets[numbers[id(decision)][-1]]
            return f"{topic.name}:{decision.partition}:{offset}"

        self._reply(current, causes, position)
        self._discard(current, causes)
        pass_by("decider.before_commit")
        reached = next_offsets(records)
        self._writer.commit(self._reader, reached)
        self._recovery.note(reached)
        pass_by("decider.after_commit_before_state")
        self._apply_committed(current, position, numbers, offsets)

    def _decided(self, current: CommandBatch, record: Record) -> "Decision | _Undecided":
        """Decide the command in a record, or say why that cannot be done."""
        try:
            command = decode(record.value)
        except Undecodable as trouble:
            return _Undecided("undecodable", str(trouble))
        if not isinstance(command, AssetCommand if _is_of_asset(record) else CatalogueCommand):
            reason = f"{type(command).__name__} is no command of {record.topic}"
            return _Undecided("undecodable", reason)
        known = self._poison.reason(record)
        if known is not None:
            return _Undecided("not_written", known, command)
        decision = current.decide(record.partition, command)
        if decision.fault is None:
            return decision
        code = dead_letter_code(decision.fault)
        if code == "decider_failed":
            log.error("a rule failed", exc_info=decision.fault)
        return _Undecided(code, f"{type(decision.fault).__name__}: {decision.fault}", command)

    def _reply(
        self, current: CommandBatch, causes: list[Record], position: Callable[[Decision], str]
    ) -> None:
        for decision, cause in zip(current.decisions, causes, strict=True):
            metadata = decision.command.metadata
            if metadata.reply_partition is None and metadata.fingerprint is None:
                continue  # the worker asks and does not wait
            answer = self._answer(decision, position, cause)
            if isinstance(decision.command, AssetCommand):
                current.remember(decision, answer)
            if metadata.reply_partition is not None:
                self._append(
                    COMMAND_RESULTS,
                    metadata.reply_partition % COMMAND_RESULTS.partitions,
                    metadata.command_id,
                    answer,
                    cause,
                )

    def _answer(
        self, decision: Decision, position: Callable[[Decision], str], cause: Record
    ) -> bytes:
        try:
            return decision.answer(position)
        except KeysLost:
            raise
        except Exception as error:  # begin anew without this command, whose events are written
            self._poison.mark_poisonous(cause, f"its answer cannot be spelled: {error}")
            raise TransactionFailed(f"answering {cause.topic}: {error}") from error

    def _discard(self, current: CommandBatch, causes: list[Record]) -> None:
        for decision, cause in zip(current.decisions, causes, strict=True):
            for discard in decision.discards:
                partition = decision.partition % DISCARDED_BLOBS.partitions
                self._append(DISCARDED_BLOBS, partition, cause.key, encode(discard), cause)

    def _apply_committed(
        self,
        current: CommandBatch,
        position: Callable[[Decision], str],
        numbers: dict[int, list[int]],
        offsets: list[int],
    ) -> None:
        next_offsets: dict[int, int] = {}
        for decision in current.decisions:
            if not decision.events:
                continue
            if not isinstance(decision.command, CatalogueCommand):
                next_offsets[decision.partition] = offsets[numbers[id(decision)][-1]] + 1
            for event in decision.events:
                if isinstance(event, CatalogueEvent):
                    self._catalogues.apply(event, position(decision))
        for partition, next_offset in next_offsets.items():
            self._state.apply(
                partition, current.changes.get(partition, StateChanges()), next_offset
            )

    def _append(
        self, topic: Topic, partition: int, key: str | bytes, value: bytes, cause: Record
    ) -> int:
        place = cause.topic, cause.partition
        mark = Provenance(writer=self._writer.id, command=place, offset=cause.offset)
        try:
            return self._writer.append(topic, partition, key, value, headers=mark.headers)
        except RecordRefused as error:
            self._poison.mark_poisonous(cause, str(error))
            raise TransactionFailed(str(error)) from error

    def _assigned(self, partitions: list[Partition]) -> dict[Partition, int]:
        self._catch_up.mark_stale(partitions)
        self._must_catch_up = True
        return self._recovery.starts(partitions, self._reader)

    def _recover(self) -> None:
        self._writer.renew()
        self._recovery.recover(self._writer, self._reader)
        self._catch_up.mark_stale(self._reader.assigned())
        self._must_catch_up = True
        self._reader.rewind(self._recovery.decided)


class _Undecided(NamedTuple):
    """Why a command was not decided."""

    code: str
    reason: str
    command: Command | None = None


def _is_of_asset(record: Record) -> bool:
    return record.topic == ASSET_COMMANDS.name
