"""All dead letters in their topics, read a bounded piece at a time."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from infra.dead_letters.letters import (
    DeadLetterNotFound,
    Letter,
    LetterFilter,
    Settlement,
    letter_in,
)
from infra.dead_letters.sending_again import sent_again
from infra.reading import Record
from infra.sending import Position
from infra.topics import DEAD_LETTERS_SETTLED, Topic

_MOST_READ = 20_000  # records looked at for one page, so that a rare filter ends too


class LetterSender(Protocol):
    """What appends records: infra.sending.Sender."""

    async def send(self, topic: Topic, key: str, value: bytes) -> Position:
        """Append one record; raises Overloaded or BrokerUnavailable."""


class LetterLog(Protocol):
    """Where letters lie: infra.dead_letters.letter_log.KafkaLetterLog."""

    def records(self, topic: str | None, after: str | None) -> Iterator[Record]:
        """Yield the records behind a place, in the order in which they lie."""

    def record(self, letter_id: str) -> Record | None:
        """Find one record."""

    def settled(self) -> Mapping[str, Settlement]:
        """Give what was settled, by letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some letters, in the order in which they lie; ``next_after`` is None behind the last one."""

    letters: tuple[Letter, ...]
    next_after: str | None


class Shelf:
    """Finds letters and settles them; every method raises BrokerUnavailable.

    A letter stays until somebody settled it or its topic forgets it after 30 days. What is settled
    is read anew for each call: calls are rare, and several processes may settle.
    """

    def __init__(self, log: LetterLog, clock: Callable[[], datetime]) -> None:
        self._log = log
        self._clock = clock

    def page(
        self, wanted: LetterFilter, *, topic: str | None, after: str | None, at_most: int
    ) -> Page:
        """List letters that are not settled, behind the one named ``after``.

        A page may hold fewer than asked for, or none, and yet not be the last. Raises
        DeadLetterNotFound when ``after`` is no id of a letter.
        """
        settled = self._log.settled()
        found: list[Letter] = []
        last = after
        for number, record in enumerate(self._log.records(topic, after)):
            if len(found) == at_most or number == _MOST_READ:
                return Page(letters=tuple(found), next_after=last)
            last = f"{record.topic}:{record.partition}:{record.offset}"
            letter = letter_in(record, None)
            if letter and letter.letter_id not in settled and wanted.matches(letter):
                found.append(letter)
        return Page(letters=tuple(found), next_after=None)

    def letter(self, letter_id: str) -> Letter:
        """Find one letter, settled or not; raises DeadLetterNotFound."""
        record = self._log.record(letter_id)
        letter = record and letter_in(record, self._log.settled().get(letter_id))
        if not letter:
            raise DeadLetterNotFound(f"no dead letter {letter_id}")
        return letter

    async def retry(self, sender: LetterSender, letter: Letter) -> Settlement:
        """Try a letter again, and settle it once what does that is durable.

        A letter that is settled already is left alone. Raises DeadLetterCannotBeSent, Overloaded.
        """
        if letter.settlement:
            return letter.settlement
        again = sent_again(letter, self._clock())
        await sender.send(again.topic, again.key, again.value)
        return await self._settle(sender, letter.letter_id, "retried")

    async def drop(self, sender: LetterSender, letter: Letter) -> Settlement:
        """Settle a letter without doing anything about it; raises Overloaded."""
        return letter.settlement or await self._settle(sender, letter.letter_id, "dropped")

    async def _settle(
        self, sender: LetterSender, letter_id: str, how: Literal["retried", "dropped"]
    ) -> Settlement:
        settlement = Settlement(letter_id=letter_id, how=how, settled_at=self._clock())
        await sender.send(DEAD_LETTERS_SETTLED, letter_id, settlement.to_json())
        return settlement
