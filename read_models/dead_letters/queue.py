"""The queue of dead letters: listed in pages, retried and dropped."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol, Self

from infra.kafka.client import Kafka
from infra.kafka.dead_letter_queue import (
    DeadLetterNotFound,
    DeadLetterResolution,
    KafkaDeadLetterLog,
)
from infra.kafka.partition_reader import Record
from infra.kafka.producer import RecordProducer, RecordSender
from infra.kafka.topics import DEAD_LETTERS_SETTLED
from read_models.dead_letters.entry import (
    DeadLetterCannotBeSent,
    DeadLetterEntry,
    DeadLetterFilter,
    read_entry,
)
from read_models.dead_letters.retry import retry_record

_MOST_READ = 20_000  # records looked at for one page, so that a rare filter ends too
_PAGE_SIZE = 500


class DeadLetterLog(Protocol):
    """The log of dead letters, as KafkaDeadLetterLog reads it."""

    def records(self, topic: str | None, after: str | None) -> Iterator[Record]:
        """Yield the records after a dead letter, in the order of the log."""

    def record(self, letter_id: str) -> Record | None:
        """Find one record."""

    def resolutions(self) -> Mapping[str, DeadLetterResolution]:
        """Return all resolutions by letter id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterPage:
    """Some dead letters in the order of the log; ``next_after`` is None after the last one."""

    letters: tuple[DeadLetterEntry, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkResolution:
    """What became of many dead letters: how many were resolved, which were refused, and why."""

    resolved: int
    refused: Sequence[tuple[str, str]]


class DeadLetterQueue:
    """Finds dead letters and resolves them; every method raises BrokerUnavailable.

    A dead letter stays until it is resolved, or its topic removes it after 30 days. Resolutions
    are read anew for each call: calls are rare, and several processes may resolve.
    """

    def __init__(self, log: DeadLetterLog, clock: Callable[[], datetime]) -> None:
        self._log = log
        self._clock = clock

    @classmethod
    def connect(cls, kafka: Kafka) -> Self:
        """Return the queue of an installation."""
        return cls(KafkaDeadLetterLog(kafka), lambda: datetime.now(UTC))

    def entries(
        self, wanted: DeadLetterFilter, *, topic: str | None = None
    ) -> Iterator[DeadLetterEntry]:
        """Yield all dead letters that are not resolved, a page at a time."""
        after = None
        while True:
            page = self.page(wanted, topic=topic, after=after, at_most=_PAGE_SIZE)
            yield from page.letters
            after = page.next_after
            if after is None:
                return

    def page(
        self, wanted: DeadLetterFilter, *, topic: str | None, after: str | None, at_most: int
    ) -> DeadLetterPage:
        """List dead letters that are not resolved, after the one named ``after``.

        A page may hold fewer than asked for, or none, and yet not be the last. Raises
        DeadLetterNotFound when ``after`` is no id of a dead letter.
        """
        resolutions = self._log.resolutions()
        found: list[DeadLetterEntry] = []
        last = after
        for number, record in enumerate(self._log.records(topic, after)):
            if len(found) == at_most or number == _MOST_READ:
                return DeadLetterPage(letters=tuple(found), next_after=last)
            last = f"{record.topic}:{record.partition}:{record.offset}"
            entry = read_entry(record, None)
            if entry and entry.letter_id not in resolutions and wanted.matches(entry):
                found.append(entry)
        return DeadLetterPage(letters=tuple(found), next_after=None)

    def entry(self, letter_id: str) -> DeadLetterEntry:
        """Find one dead letter, resolved or not; raises DeadLetterNotFound."""
        record = self._log.record(letter_id)
        entry = record and read_entry(record, self._log.resolutions().get(letter_id))
        if not entry:
            raise DeadLetterNotFound(f"no dead letter {letter_id}")
        return entry

    async def retry(self, sender: RecordSender, entry: DeadLetterEntry) -> DeadLetterResolution:
        """Send a dead letter's retry record, and resolve it once that is durable.

        One that is resolved already is left alone. Raises DeadLetterCannotBeSent, Overloaded.
        """
        if entry.resolution:
            return entry.resolution
        again = retry_record(entry, self._clock())
        await sender.send(again.topic, again.key, again.value)
        return await self._resolve(sender, entry.letter_id, "retried")

    async def drop(self, sender: RecordSender, entry: DeadLetterEntry) -> DeadLetterResolution:
        """Resolve a dead letter without retrying it; raises Overloaded."""
        return entry.resolution or await self._resolve(sender, entry.letter_id, "dropped")

    async def _resolve(
        self, sender: RecordSender, letter_id: str, how: Literal["retried", "dropped"]
    ) -> DeadLetterResolution:
        resolution = DeadLetterResolution(letter_id=letter_id, how=how, settled_at=self._clock())
        await sender.send(DEAD_LETTERS_SETTLED, letter_id, resolution.to_json())
        return resolution


async def resolve_dead_letters(
    kafka: Kafka,
    how: Literal["retried", "dropped"],
    letters: Iterable[DeadLetterEntry],
    on_progress: Callable[[], None],
) -> BulkResolution:
    """Retry or drop dead letters one by one; raises BrokerUnavailable, Overloaded."""
    queue = DeadLetterQueue.connect(kafka)
    resolved, refused = 0, list[tuple[str, str]]()
    async with RecordProducer(kafka) as sender:
        for entry in letters:
            try:
                await (queue.retry if how == "retried" else queue.drop)(sender, entry)
                resolved += 1
            except DeadLetterCannotBeSent as error:
                refused.append((entry.letter_id, str(error)))
            on_progress()
    return BulkResolution(resolved=resolved, refused=refused)
