"""The dispatcher: follows asset events and enqueues the jobs of runs that are admitted."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from avro_schemas.codec import decode, encode
from domain.asset.events import AssetEvent
from domain.asset.jobs import job_for
from domain.asset.runs import EventOffset
from infra.errors import BrokerUnavailable
from infra.failpoints import pass_by
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record
from infra.kafka.producer import RecordSender
from infra.kafka.topics import ASSET_EVENTS, IMAGE_JOBS, IMAGE_JOBS_DEAD_LETTERS
from streams.ingestion.dispatcher.fair_scheduler import FairScheduler
from streams.ingestion.dispatcher.tenant_queues import QueuedRun
from streams.runtime.dead_letter_queue import dead_lettered_if_it_fails
from streams.runtime.durable_producer import send_until_durable
from streams.runtime.record_consumer import RecordConsumer, commit_if_possible

_BATCH = 500
_POLL_SECONDS = 0.2


class EventConsumer(RecordConsumer, Protocol):
    """A member of a consumer group that knows how far it has read."""

    def has_caught_up(self) -> bool:
        """Return True once all was read that was there when the partitions were assigned."""

    def positions(self) -> Mapping[Partition, int]:
        """Return the next offset of each partition that is assigned now."""


class EventLookup(Protocol):
    """Reads single events again."""

    def read(self, offsets: Iterable[EventOffset], /) -> Mapping[EventOffset, Record]:
        """Return the records at these offsets; raises BrokerUnavailable."""


class Dispatcher:
    """Enqueues the job of each event that starts a pipeline run, once the run is admitted.

    Runs that wait, wait in the log: an offset is committed once the job of every event before it
    was acknowledged by the broker. After a crash, and after a rebalance, everything is read to the
    end first, so that no run is enqueued that has ended meanwhile; jobs under way that come after
    the oldest waiting run are enqueued again, under the same ids. An event that cannot be read, or
    that no job can be made of, is dead-lettered.
    """

    def __init__(
        self,
        open_reader: Callable[[Callable[[list[Partition]], None]], EventConsumer],
        finder: EventLookup,
        sender: RecordSender,
        scheduler: FairScheduler,
        clock: Callable[[], datetime],
    ) -> None:
        self._finder = finder
        self._sender = sender
        self._scheduler = scheduler
        self._clock = clock
        self._revoked: list[Partition] = []
        self.enqueued_up_to: dict[int, int] = {}
        self._reader = open_reader(self._revoked.extend)

    async def step(self) -> int:
        """Fold the next events, enqueue the runs admitted now, and count both.

        Raises BrokerUnavailable; the runs just admitted then wait again.
        """
        records = await asyncio.to_thread(self._reader.poll, _BATCH, _POLL_SECONDS)
        self._forget()
        for record in records:
            await self._apply(record)
        read = {(record.partition, record.offset): record for record in records}
        runs = self._scheduler.take(_BATCH, self._clock()) if self._reader.has_caught_up() else []
        await self._enqueue(runs, read)
        if runs:
            pass_by("dispatcher.after_send_before_commit")
        await asyncio.to_thread(self._commit)
        return len(records) + len(runs)

    def _forget(self) -> None:
        """Drop what belongs to another member of the group now."""
        while self._revoked:
            _, partition = self._revoked.pop()
            self._scheduler.forget(partition)

    async def _apply(self, record: Record) -> None:
        async with self._dead_lettered_if_it_fails(record):
            message = decode(record.value)
            if isinstance(message, AssetEvent):
                self._scheduler.apply(message, (record.partition, record.offset))

    def _dead_lettered_if_it_fails(self, record: Record) -> AbstractAsyncContextManager[None]:
        return dead_lettered_if_it_fails(self._sender, IMAGE_JOBS_DEAD_LETTERS, record, self._clock)

    async def _enqueue(self, runs: list[QueuedRun], read: Mapping[EventOffset, Record]) -> None:
        offsets = [
            queued_run.event_offset for queued_run in runs if queued_run.event_offset not in read
        ]
        try:
            found = await asyncio.to_thread(self._finder.read, offsets) if offsets else {}
        except BrokerUnavailable:
            self._scheduler.requeue(runs)
            raise
        causes = [
            read.get(queued_run.event_offset) or found[queued_run.event_offset]
            for queued_run in runs
        ]
        await asyncio.gather(*(self._enqueue_one(cause) for cause in causes))

    async def _enqueue_one(self, cause: Record) -> None:
        async with self._dead_lettered_if_it_fails(cause):
            event = decode(cause.value)
            job = job_for(event) if isinstance(event, AssetEvent) else None
            if job:
                await send_until_durable(self._sender, IMAGE_JOBS, job.asset_id, encode(job))

    def _commit(self) -> None:
        up_to = {}
        for (_, partition), position in self._reader.positions().items():
            oldest = self._scheduler.oldest_waiting(partition)
            up_to[partition] = position if oldest is None else oldest
        changed = {
            (ASSET_EVENTS.name, partition): offset
            for partition, offset in up_to.items()
            if offset != self.enqueued_up_to.get(partition)
        }
        self.enqueued_up_to = up_to
        commit_if_possible(self._reader, changed)
