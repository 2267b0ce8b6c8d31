"""Bring back the jobs that wait for another try."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from avro_schemas.codec import decode
from avro_schemas.errors import Undecodable
from domain.jobs import ImageJob
from infra.errors import BrokerUnavailable
from infra.group_reading import Partition
from infra.reading import Record
from infra.topics import IMAGE_JOBS, Topic
from streams.retrying import RetryPolicy
from streams.sending import Sending, send_at_last

_BATCH = 500
_POLL_SECONDS = 0.2
_MOST_HELD = 2_000

log = logging.getLogger(__name__)


class Pausing(Protocol):
    """What reads as one of a group, and can stop reading without leaving it."""

    def poll(self, at_most: int, timeout_seconds: float, /) -> list[Record]:
        """Read what is there; raises BrokerUnavailable."""

    def pause(self) -> None:
        """Bring nothing for now."""

    def resume(self) -> None:
        """Bring records again."""

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Note how far we are; raises BrokerUnavailable."""


class Redelivery:
    """Sends the jobs of one retry tier back to the workers when their time has come.

    Each partition of a tier is in order of time, near enough, so its head is waited for. A job
    counts as brought back once the broker has it; after a crash it may be brought back twice.
    """

    def __init__(
        self,
        tier: Topic,
        open_reader: Callable[[Callable[[list[Partition]], None]], Pausing],
        sender: Sending,
        policy: RetryPolicy,
        clock: Callable[[], datetime],
    ) -> None:
        self._tier = tier
        self._sender = sender
        self._policy = policy
        self._clock = clock
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
        held_since = datetime.fromtimestamp(record.timestamp_ms / 1_000, UTC)
        job = _job_in(record)
        return self._policy.due_at(self._tier, held_since, job) if job else held_since

    async def _bring_back(self, record: Record, now: datetime) -> None:
        job = _job_in(record)
        # What is no job goes to the workers too: they know what to do with it.
        topic: Topic = self._policy.next_topic(job, now) if job else IMAGE_JOBS
        key = record.key.decode("utf-8", errors="replace")
        await send_at_last(self._sender, topic, key, record.value)

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


def _job_in(record: Record) -> ImageJob | None:
    try:
        message = decode(record.value)
    except Undecodable:
        return None
    return message if isinstance(message, ImageJob) else None
