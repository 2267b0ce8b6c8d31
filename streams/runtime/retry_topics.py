"""Hold back work that waits for another try, and bring it back when its time has come."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from avro_schemas.codec import Message, decode
from avro_schemas.errors import KeysLost, Undecodable
from infra.errors import BrokerUnavailable
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record
from infra.kafka.producer import RecordSender
from infra.kafka.topics import Topic
from streams.runtime.dead_letter_queue import send_dead_letter
from streams.runtime.durable_producer import send_until_durable
from streams.runtime.record_consumer import RecordConsumer

_BATCH = 500
_POLL_SECONDS = 0.2
_MOST_HELD = 2_000
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

_Work = TypeVar("_Work", bound=Message)
_Held_contra = TypeVar("_Held_contra", bound=Message, contravariant=True)

log = logging.getLogger(__name__)


class RetryTopicReader(RecordConsumer, Protocol):
    """What can stop reading without leaving its group."""

    def pause(self) -> None:
        """Bring nothing for now."""

    def resume(self) -> None:
        """Bring records again."""


class DelayPolicy(Protocol[_Held_contra]):
    """What knows how long a piece of work waits: RetryPolicy for jobs."""

    def due_at(self, tier: Topic, held_since: datetime, work: _Held_contra, /) -> datetime:
        """Say when it leaves its tier."""

    def next_topic(self, work: _Held_contra, now: datetime, /) -> Topic:
        """Say where it goes that leaves a tier: to be worked on, or to a tier again."""


class RetryTopicConsumer(Generic[_Work]):
    """Sends what one tier holds back to those who work on it when its time has come.

    Each partition of a tier is in order of time, near enough, so its head is waited for. A piece of
    work counts as brought back once the broker has it; after a crash it may be brought back twice.
    What is no work of this kind goes ``work_topic`` too: they know there what to do with it. What
    cannot be brought back at all is buried in ``letters``.
    """

    def __init__(
        self,
        tier: Topic,
        open_reader: Callable[[Callable[[list[Partition]], None]], RetryTopicReader],
        sender: RecordSender,
        waiting: DelayPolicy[_Work],
        clock: Callable[[], datetime],
        *,
        kind: type[_Work],
        work_topic: Topic,
        letters: Topic,
    ) -> None:
        self._tier = tier
        self._sender = sender
        self._waiting = waiting
        self._clock = clock
        self._kind = kind
        self._home = work_topic
        self._letters = letters
        self._held: dict[Partition, deque[Record]] = {}
        self._is_paused = False
        self._reader = open_reader(self._forget)

    async def step(self) -> int:
        """Bring back what is due, and count it; raises BrokerUnavailable."""
        await asyncio.to_thread(self._read)
        now = self._clock()
        due = {partition: self._due(held, now) for partition, held in self._held.items()}
        ready = [record for records in due.values() for record in records]
        await asyncio.gather(*(self._bring_back(record, now) for record in ready))
        await asyncio.to_thread(self._commit, due)
        return len(ready)

    def _read(self) -> None:
        for record in self._reader.poll(_BATCH, _POLL_SECONDS):
            self._held.setdefault((record.topic, record.partition), deque()).append(record)
        is_full = sum(map(len, self._held.values())) >= _MOST_HELD
        if is_full and not self._is_paused:
            self._reader.pause()
        elif self._is_paused and not is_full:
            self._reader.resume()
        self._is_paused = is_full

    def _forget(self, partitions: list[Partition]) -> None:
        """Let go of what belongs to another member of the group now."""
        for partition in partitions:
            self._held.pop(partition, None)

    def _due(self, held: deque[Record], now: datetime) -> list[Record]:
        due = []
        while held and self._due_at(held[0]) <= now:
            due.append(held.popleft())
        return due

    def _due_at(self, record: Record) -> datetime:
        try:
            held_since = datetime.fromtimestamp(record.timestamp_ms / 1_000, UTC)
            work = self._work_in(record)
            return self._waiting.due_at(self._tier, held_since, work) if work else held_since
        except (ValueError, OverflowError, OSError):  # times beyond the calendar
            return _LONG_AGO

    async def _bring_back(self, record: Record, now: datetime) -> None:
        try:
            work = self._work_in(record)
            topic = self._waiting.next_topic(work, now) if work else self._home
            key = record.key.decode("utf-8", errors="replace")
            await send_until_durable(self._sender, topic, key, record.value)
        except KeysLost:
            raise
        except Exception as error:  # one piece of work must not stop those behind it
            log.exception("it cannot be brought back")
            reason = f"{type(error).__name__}: {error}"
            await send_dead_letter(self._sender, self._letters, record, "internal", reason, now)

    def _commit(self, done: Mapping[Partition, list[Record]]) -> None:
        offsets = {
            partition: records[-1].offset + 1 for partition, records in done.items() if records
        }
        if not offsets:
            return
        try:
            self._reader.commit(offsets)
        except BrokerUnavailable as error:  # they are brought back again: harmless
            log.warning("not committed: %s", error)

    def _work_in(self, record: Record) -> _Work | None:
        try:
            message = decode(record.value)
        except Undecodable:
            return None
        return message if isinstance(message, self._kind) else None
