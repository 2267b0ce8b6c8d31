"""The loop of the single writer: consume, decide, append, all in one transaction."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event

from avro_schemas.codec import decode, encode
from avro_schemas.errors import Undecodable
from command_api.decider.catalogues import Catalogues
from command_api.decider.rounds import Decision, Round
from command_api.decider.state import Changes, FoldedState
from domain.category_events import CatalogueEvent
from domain.commands import AssetCommand, CatalogueCommand
from infra.dead_letters import dead_letter
from infra.errors import BrokerUnavailable
from infra.failpoints import pass_by
from infra.group_reading import GroupReader, Partition
from infra.kafka import Kafka
from infra.marks import Mark
from infra.mending import Mender
from infra.open_tails import OpenTails
from infra.reading import Reader, Record
from infra.topics import (
    ASSET_COMMANDS,
    ASSET_EVENTS,
    CATEGORY_COMMANDS,
    CATEGORY_EVENTS,
    COMMAND_RESULTS,
    COMMANDS_DEAD_LETTERS,
    Topic,
)
from infra.transactions import TransactionalWriter

GROUP = "command_api.decider"
_FAMILY = "decider-"
_BATCH = 500
_IDLE_SECONDS = 0.2
_RETRY_SECONDS = 1.0
_MAX_POLL_SECONDS = 600  # a cold fold of a large partition may take minutes

log = logging.getLogger(__name__)


class Decider:
    """Owns some partitions of the command topics, and is the only one who appends their events.

    Each batch is one transaction: events, results for the waiting HTTP instances, and the group's
    offsets. Whatever fails (broker down, fenced by a new owner, killed) has no effect: the
    producer is thrown away, what the broker forgot to end is ended (mending.py), the tail of the
    log is folded again, and the commands are read again from the committed offsets. A command that
    cannot be decoded goes to commands.dead-letters.
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
        self._stale: set[int] = set()
        self._catalogues = Catalogues(kafka)
        self._must_catch_up = True
        self._writer = TransactionalWriter(kafka, f"{_FAMILY}{instance}")
        self._tails = OpenTails(
            kafka, (ASSET_EVENTS, CATEGORY_EVENTS, COMMAND_RESULTS, COMMANDS_DEAD_LETTERS)
        )
        self._mender = Mender(
            self._tails,
            lambda other: TransactionalWriter(kafka, other),
            GROUP,
            (ASSET_COMMANDS, CATEGORY_COMMANDS),
            family=_FAMILY,
            is_folded=self._is_folded,
        )
        self._reader = GroupReader(
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
                self._mender.look(self._writer.id)
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
        self._fold_stale({record.partition for record in records if _is_of_asset(record)})
        if self._must_catch_up:
            self._catalogues.catch_up()
            self._must_catch_up = False
        else:
            self._catalogues.follow()
        self._decide(records)
        self.decided += len(records)
        return len(records)

    def _decide(self, records: list[Record]) -> None:
        current = Round(self._state, self._catalogues, self._now)
        # All is decided before anything is appended: a decision may wait until transactions of
        # other deciders have ended, and two that hold one open would wait for each other.
        decided = [(record, self._decided(current, record)) for record in records]
        self._writer.begin()
        causes: list[Record] = []  # of the decisions, in their order
        numbers: dict[int, list[int]] = {}  # of each decision: where its events are in the batch
        for record, decision in decided:
            if isinstance(decision, str):
                self._park(record, decision)
                continue
            causes.append(record)
            topic = ASSET_EVENTS if _is_of_asset(record) else CATEGORY_EVENTS
            numbers[id(decision)] = [
                self._append(topic, record.partition, record.key, encode(event), record)
                for event in decision.events
            ]
        offsets = self._writer.settle() if any(numbers.values()) else []

        def position(decision: Decision) -> str:
            topic = ASSET_EVENTS if isinstance(decision.command, AssetCommand) else CATEGORY_EVENTS
            offset = offsets[numbers[id(decision)][-1]]
            return f"{topic.name}:{decision.partition}:{offset}"

        self._tell(current, causes, position)
        pass_by("decider.before_commit")
        next_offsets = _next_offsets(records)
        self._writer.commit(self._reader, next_offsets)
        self._mender.note(next_offsets)
        pass_by("decider.after_commit_before_state")
        self._take_in(current, position, numbers, offsets)

    def _decided(self, current: Round, record: Record) -> Decision | str:
        """Decide the command in a record, or say why there is none."""
        try:
            command = decode(record.value)
        except Undecodable as trouble:
            return str(trouble)
        if not isinstance(command, AssetCommand | CatalogueCommand):
            return f"{type(command).__name__} is no command"
        return current.decide(record.partition, command)

    def _tell(
        self, current: Round, causes: list[Record], position: Callable[[Decision], str]
    ) -> None:
        for decision, cause in zip(current.decisions, causes, strict=True):
            metadata = decision.command.metadata
            if metadata.reply_partition is None and metadata.fingerprint is None:
                continue  # the worker asks and does not wait
            answer = decision.answer(position)
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

    def _take_in(
        self,
        current: Round,
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
            self._state.apply(partition, current.changes.get(partition, Changes()), next_offset)

    def _park(self, record: Record, reason: str) -> None:
        log.error("parked %s/%d@%d: %s", record.topic, record.partition, record.offset, reason)
        letter = encode(dead_letter(record, "undecodable", reason, self._now()))
        partition = record.partition % COMMANDS_DEAD_LETTERS.partitions
        self._append(COMMANDS_DEAD_LETTERS, partition, record.key, letter, record)

    def _append(
        self, topic: Topic, partition: int, key: str | bytes, value: bytes, cause: Record
    ) -> int:
        place = cause.topic, cause.partition
        mark = Mark(writer=self._writer.id, command=place, offset=cause.offset)
        return self._writer.append(topic, partition, key, value, headers=mark.headers)

    def _assigned(self, partitions: list[Partition]) -> dict[Partition, int]:
        self._stale |= {number for topic, number in partitions if topic == ASSET_COMMANDS.name}
        self._must_catch_up = True
        return self._mender.starts(partitions, self._reader)

    def _is_folded(self, partition: Partition, offset: int) -> bool:
        topic, number = partition
        return topic == ASSET_EVENTS.name and offset < self._state.next_offset(number)

    def _recover(self) -> None:
        self._writer.renew()
        self._mender.mend(self._writer, self._reader)
        self._stale |= {
            number for topic, number in self._reader.assigned() if topic == ASSET_COMMANDS.name
        }
        self._must_catch_up = True
        self._reader.rewind(self._mender.decided)

    def _fold_stale(self, partitions: set[int]) -> None:
        stale = self._stale & partitions
        if not stale:
            return
        # Waits until a transaction that a dead owner left open has been resolved.
        self._reader.committed([(ASSET_COMMANDS.name, partition) for partition in stale])
        self._tails.wait_until_closed([(ASSET_EVENTS.name, partition) for partition in stale])
        starts = {partition: self._state.next_offset(partition) for partition in stale}
        with Reader(self._kafka, ASSET_EVENTS, starts) as reader:
            ends = reader.ends()
            for partition, start in starts.items():
                if start > ends[partition]:
                    raise LogShrank(
                        f"asset-events/{partition} ends at {ends[partition]}, but {start} records "
                        "were folded from it: events are lost; restore the log before going on"
                    )
            while any(reader.position(partition) < end for partition, end in ends.items()):
                by_partition: dict[int, list[Record]] = {}
                for record in reader.poll():
                    by_partition.setdefault(record.partition, []).append(record)
                for partition, found in by_partition.items():
                    self._state.fold(partition, found)
        self._stale -= stale


class LogShrank(Exception):
    """The event log is shorter than it was: nothing may be appended to it."""


def _is_of_asset(record: Record) -> bool:
    return record.topic == ASSET_COMMANDS.name


def _next_offsets(records: list[Record]) -> dict[Partition, int]:
    offsets: dict[Partition, int] = {}
    for record in records:
        place = (record.topic, record.partition)
        offsets[place] = max(offsets.get(place, 0), record.offset + 1)
    return offsets
