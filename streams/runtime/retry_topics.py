"""Consumers of retry topics: they hold work back and send it on when it is due."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from avro_schemas.codec import decode
from avro_schemas.errors import Undecodable
from infra.kafka.partition_reader import Record
from infra.kafka.producer import RecordSender
from infra.kafka.topics import Topic
from streams.runtime.dead_letter_queue import dead_lettered_if_it_fails
from streams.runtime.durable_producer import send_until_durable
from streams.runtime.partition_queues import OpenReader, PartitionQueues, QueuedTask
from streams.runtime.retry_policy import RetryPolicy, RetryTopic

_POLL_SECONDS = 0.2
_MOST_HELD = 2_000
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class RetriedWork(Protocol):
    """A message that is processed no earlier than it says: an image job, a webhook delivery."""

    @property
    def not_before(self) -> datetime | None:
        """When it is due, unless at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeldWork:
    not_before: datetime | None
    due_at: datetime


class RetryTopicConsumer:
    """Sends the work in one retry topic on to where it is processed, once it is due.

    Each partition is nearly in order of time, so its head is waited for. Work is committed once
    the broker has it in the next topic; after a crash it may be sent on twice. A record that is no
    ``kind`` is sent on as well: its consumers know what to do with it. Work that cannot be sent on
    becomes a dead letter.
    """

    def __init__(
        self,
        retry_topic: RetryTopic,
        open_reader: OpenReader,
        sender: RecordSender,
        policy: RetryPolicy,
        clock: Callable[[], datetime],
        *,
        kind: type[RetriedWork],
        dead_letters: Topic,
    ) -> None:
        self._retry_topic = retry_topic
        self._sender = sender
        self._policy = policy
        self._clock = clock
        self._kind = kind
        self._dead_letters = dead_letters
        self._queues = PartitionQueues(open_reader, self._held_work, _MOST_HELD)

    async def step(self) -> int:
        """Send on what is due and return how much; raises BrokerUnavailable and KeysLost."""
        await asyncio.to_thread(self._queues.read, _POLL_SECONDS)
        now = self._clock()
        due = self._queues.first(_MOST_HELD, lambda task: task.work.due_at <= now)
        await asyncio.gather(*(self._send_on(task, now) for task in due))
        for task in due:
            self._queues.finish(task)
        await asyncio.to_thread(self._queues.commit)
        return len(due)

    async def _send_on(self, task: QueuedTask[_HeldWork], now: datetime) -> None:
        record = task.record
        async with dead_lettered_if_it_fails(self._sender, self._dead_letters, record, self._clock):
            topic = self._policy.next_topic(task.work.not_before, now)
            key = record.key.decode("utf-8", errors="replace")
            await send_until_durable(self._sender, topic, key, record.value)

    def _held_work(self, record: Record) -> _HeldWork:
        not_before = self._not_before(record)
        try:
            held_since = datetime.fromtimestamp(record.timestamp_ms / 1_000, UTC)
            due_at = self._retry_topic.due_at(held_since, not_before)
        except (ValueError, OverflowError, OSError):  # times beyond the calendar
            due_at = _LONG_AGO
        return _HeldWork(not_before=not_before, due_at=due_at)

    def _not_before(self, record: Record) -> datetime | None:
        try:
            message = decode(record.value)
        except Undecodable:
            return None
        return message.not_before if isinstance(message, self._kind) else None
