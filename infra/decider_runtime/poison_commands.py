"""Commands that can never be carried out: dead-lettered and answered, so that others go on."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from avro_schemas.codec import Message, encode
from domain.commands import Command
from domain.errors import CommandCannotBeDecided, Refusal
from infra.decider_runtime.broken_histories import record_location
from infra.errors import RecordRefused
from infra.kafka.dead_letter_queue import dead_letter
from infra.kafka.partition_reader import Record
from infra.kafka.provenance import Provenance
from infra.kafka.topics import COMMAND_RESULTS, COMMANDS_DEAD_LETTERS, Topic
from infra.kafka.transactions import TransactionalProducer

RecordLocation = tuple[str, int, int]  # topic, partition, offset

_WITHOUT_DEAD_LETTER = 2
_WITHOUT_REPLY = 3

log = logging.getLogger(__name__)


class PoisonCommands:
    """Knows which commands stopped a transaction, and ends each of them without its effect.

    What cannot be decided is dead-lettered at once. What the broker does not take is found out:
    after a transaction that was refused as a whole, each of its commands is written in one of its
    own, and the one that is refused there is dead-lettered the next time. Such a command lies in
    commands.dead-letters with its reason, and its sender gets CommandCannotBeDecided,
    which ``refused`` spells. All of that is known in memory only: another process finds it out in
    the same way.
    """

    def __init__(
        self,
        writer: TransactionalProducer,
        refused: Callable[[Command, Refusal, datetime], Message],
        now: Callable[[], datetime],
    ) -> None:
        self._writer = writer
        self._refused = refused
        self._now = now
        self._suspects: set[RecordLocation] = set()
        self._reasons: dict[RecordLocation, str] = {}
        self._times: Counter[RecordLocation] = Counter()  # that a transaction failed because of it

    def portions(self, records: Sequence[Record]) -> Iterator[list[Record]]:
        """Split a batch into what may share a transaction, in order."""
        for is_suspect, group in groupby(records, lambda each: _place(each) in self._suspects):
            portion = list(group)
            yield from ([each] for each in portion) if is_suspect else (portion,)

    def note_refusal(self, records: Sequence[Record], reason: str) -> None:
        """Learn that the broker does not take what follows from one of these."""
        self._suspects |= {_place(record) for record in records}
        if len(records) == 1:
            self.mark_poisonous(records[0], reason)

    def mark_poisonous(self, record: Record, reason: str) -> None:
        """Learn that a command can never be written.

        A second time it is because of its dead letter, which is then left out, and a third time
        because of its reply.
        """
        place = _place(record)
        self._suspects.add(place)
        self._times[place] += 1
        self._reasons[place] = reason

    def reason(self, record: Record) -> str | None:
        """Say why a command is to be dead-lettered, if it is."""
        return self._reasons.get(_place(record))

    def forget(self, records: Sequence[Record]) -> None:
        """Forget what was written by now."""
        for place in map(_place, records):
            self._suspects.discard(place)
            self._reasons.pop(place, None)
            del self._times[place]

    def append_dead_letter(
        self, record: Record, code: str, reason: str, command: Command | None
    ) -> None:
        """Append a command's dead letter to the transaction, and the reply to who waits for it."""
        place = record_location(record)
        log.error("dead-lettered %s, %s: %s", place, code, reason)
        times = self._times[_place(record)]
        if times < _WITHOUT_DEAD_LETTER:
            value = encode(dead_letter(record, code, reason, self._now()))
            key = record.key.decode(errors="replace")
            number = record.partition % COMMANDS_DEAD_LETTERS.partitions
            self._append(COMMANDS_DEAD_LETTERS, number, key, value, record)
        if times >= _WITHOUT_REPLY:
            log.critical("nothing can be written of %s", place)
        elif command is not None and command.metadata.reply_partition is not None:
            refusal = CommandCannotBeDecided(f"the operators find it under its place, {place}")
            number = command.metadata.reply_partition % COMMAND_RESULTS.partitions
            reply = encode(self._refused(command, refusal, self._now()))
            self._append(COMMAND_RESULTS, number, command.metadata.command_id, reply, record)

    def _append(self, topic: Topic, partition: int, key: str, value: bytes, cause: Record) -> None:
        headers = provenance_of(cause, self._writer.id).headers
        try:
            self._writer.append(topic, partition, key, value, headers=headers)
        except RecordRefused as trouble:  # an id as long as a command may be: nobody waits for that
            log.error("left out of %s: %s", topic.name, trouble)  # noqa: TRY400 - that says it all


def provenance_of(command: Record, writer: str) -> Provenance:
    """Trace what a writer appends to the command that it follows from."""
    return Provenance(
        writer=writer, command=(command.topic, command.partition), offset=command.offset
    )


def _place(record: Record) -> RecordLocation:
    return record.topic, record.partition, record.offset
