"""Commands that can never be carried out: buried and answered, so that those behind them go on."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from avro_schemas.codec import encode
from domain.commands import Command
from domain.errors import CommandCannotBeDecided
from domain.replies import refused
from infra.errors import HistoryBroken, RecordRefused
from infra.kafka.dead_letter_queue import dead_letter
from infra.kafka.partition_reader import Record
from infra.kafka.provenance import Provenance
from infra.kafka.topics import COMMAND_RESULTS, COMMANDS_DEAD_LETTERS, Topic

RecordLocation = tuple[str, int, int]  # topic, partition, offset

_WITHOUT_LETTER = 2
_WITHOUT_ANSWER = 3

log = logging.getLogger(__name__)


class RecordAppender(Protocol):
    """Writes transactions: infra.kafka.transactions.TransactionalWriter."""

    @property
    def id(self) -> str:
        """Whose transactions they are."""

    def append(
        self,
        topic: Topic,
        partition: int,
        key: str | bytes,
        value: bytes,
        *,
        headers: Sequence[tuple[str, bytes]] = ...,
    ) -> int:
        """Write one record; raises RecordRefused."""


class PoisonCommands:
    """Knows which commands stopped a transaction, and ends each of them without its effect.

    What cannot be decided is buried at once. What the broker does not take is found out: after a
    transaction that was refused as a whole, each of its commands is written in one of its own, and
    the one that is refused there is buried the next time. A command that is buried lies in
    commands.dead-letters with its reason, and who waits for it is told CommandCannotBeDecided. All
    of that is known in memory only: another process finds it out in the same way.
    """

    def __init__(self, writer: RecordAppender, now: Callable[[], datetime]) -> None:
        self._writer = writer
        self._now = now
        self._suspects: set[RecordLocation] = set()
        self._reasons: dict[RecordLocation, str] = {}
        self._times: Counter[RecordLocation] = Counter()  # that a transaction failed because of it

    def portions(self, records: Sequence[Record]) -> Iterator[list[Record]]:
        """Split a batch into what may share a transaction, in order."""
        portion: list[Record] = []
        for record in records:
            if _place(record) not in self._suspects:
                portion.append(record)
                continue
            if portion:
                yield portion
            yield [record]
            portion = []
        if portion:
            yield portion

    def note_refusal(self, records: Sequence[Record], reason: str) -> None:
        """Learn that the broker does not take what follows from one of these."""
        self._suspects |= {_place(record) for record in records}
        if len(records) == 1:
            self.mark_poisonous(records[0], reason)

    def mark_poisonous(self, record: Record, reason: str) -> None:
        """Learn that a command can never be written.

        A second time it is its letter's fault, which is then left out, and a third time its
        answer's.
        """
        place = _place(record)
        self._suspects.add(place)
        self._times[place] += 1
        self._reasons[place] = reason

    def reason(self, record: Record) -> str | None:
        """Say why a command is to be buried, if it is."""
        return self._reasons.get(_place(record))

    def settle(self, records: Sequence[Record]) -> None:
        """Forget what was written by now."""
        for place in map(_place, records):
            self._suspects.discard(place)
            self._reasons.pop(place, None)
            del self._times[place]

    def append_dead_letter(
        self, record: Record, code: str, reason: str, command: Command | None = None
    ) -> None:
        """Append the letter of a command to the transaction, and the answer to who waits for it."""
        place = ":".join(map(str, _place(record)))
        log.error("buried %s, %s: %s", place, code, reason)
        times = self._times[_place(record)]
        if times < _WITHOUT_LETTER:
            letter = encode(dead_letter(record, code, reason, self._now()))
            key = record.key.decode(errors="replace")
            number = record.partition % COMMANDS_DEAD_LETTERS.partitions
            self._append(COMMANDS_DEAD_LETTERS, number, key, letter, record)
        metadata = command and command.metadata
        if times >= _WITHOUT_ANSWER:
            log.critical("nothing can be written of %s", place)
        elif command and metadata and metadata.reply_partition is not None:
            refusal = CommandCannotBeDecided(f"the operators find it under its place, {place}")
            number = metadata.reply_partition % COMMAND_RESULTS.partitions
            answer = encode(refused(command, refusal, self._now()))
            self._append(COMMAND_RESULTS, number, metadata.command_id, answer, record)

    def _append(self, topic: Topic, partition: int, key: str, value: bytes, cause: Record) -> None:
        mark = Provenance(
            writer=self._writer.id, command=(cause.topic, cause.partition), offset=cause.offset
        )
        try:
            self._writer.append(topic, partition, key, value, headers=mark.headers)
        except RecordRefused as trouble:  # an id as long as a command may be: nobody waits for that
            log.error("left out of %s: %s", topic.name, trouble)  # noqa: TRY400 - that says it all


def dead_letter_code(fault: Exception) -> str:
    """Name what is wrong with a command, as its letter does."""
    match fault:
        case HistoryBroken():
            return "history_broken"
        case RecordRefused():
            return "not_written"
        case _:
            return "decider_failed"


def _place(record: Record) -> RecordLocation:
    return record.topic, record.partition, record.offset
