"""Enqueue again the jobs of runs that should have ended long ago, whatever they were lost to."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from avro_schemas.codec import decode, encode
from avro_schemas.errors import Undecodable
from domain.asset.events import AssetEvent
from domain.asset.jobs import job_for
from domain.asset.runs import EventOffset, OpenRuns
from domain.values import AssetId
from infra.errors import RecordRefused
from infra.kafka.partition_reader import Record
from infra.kafka.producer import RecordSender
from infra.kafka.topics import IMAGE_JOBS
from streams.ingestion.dispatcher.dispatcher import EventLookup
from streams.runtime.durable_producer import send_until_durable

_AT_MOST = 100  # a search: workers that are merely behind must not be buried in copies
_POLL_SECONDS = 0.5

log = logging.getLogger(__name__)


class EventReader(Protocol):
    """Reads every partition of asset-events from its beginning."""

    def poll(self, timeout_seconds: float, /) -> list[Record]:
        """Return the next records; raises BrokerUnavailable."""


class OverdueRuns(OpenRuns):
    """Open runs, of which those count as overdue that have waited for longer than they should."""

    def __init__(self, overdue_after: timedelta) -> None:
        super().__init__()
        self._overdue_after = overdue_after

    def take_overdue(
        self,
        now: datetime,
        enqueued_up_to: Mapping[int, int],
        is_admitted: Callable[[AssetId], bool],
        at_most: int,
    ) -> list[EventOffset]:
        """Return where the runs started that are overdue, and note them as requeued.

        That are only runs whose event lies before the offset that ``enqueued_up_to`` has for its
        partition: what follows still waits, or was enqueued too lately to be lost. A run that is
        admitted now is not overdue either. The time that a run is given doubles each time.
        """
        overdue = [
            (asset_id, run)
            for asset_id, run in self.items()
            if now - run.waiting_since >= self._overdue_after * 2**run.requeues
            and run.event_offset[1] < enqueued_up_to.get(run.event_offset[0], 0)
            and not is_admitted(asset_id)
        ]
        overdue = sorted(overdue, key=lambda found: found[1].waiting_since)[:at_most]
        for asset_id, _ in overdue:
            self.requeued(asset_id, now)
        return [run.event_offset for _, run in overdue]


class OverdueRunRequeuer:
    """Keeps the open runs in memory, folded from the whole log, and looks for overdue ones.

    Every dispatcher folds all of the log, and enqueues again only jobs that it, or the owner before
    it, has enqueued once: every event before ``enqueued_up_to`` of its partition was seen to;
    ``is_admitted`` says of which assets a run was admitted lately. The first search comes one
    interval after the start.
    """

    def __init__(
        self,
        reader: EventReader,
        sender: RecordSender,
        runs: OverdueRuns,
        finder: EventLookup,
        enqueued_up_to: Callable[[], Mapping[int, int]],
        is_admitted: Callable[[AssetId], bool],
        clock: Callable[[], datetime],
        every: timedelta,
    ) -> None:
        self._reader = reader
        self._sender = sender
        self._runs = runs
        self._finder = finder
        self._enqueued_up_to = enqueued_up_to
        self._is_admitted = is_admitted
        self._clock = clock
        self._every = every
        self._next_search_at = clock() + every

    async def step(self) -> int:
        """Fold the next events; at the end of the log enqueue what is overdue, and count it.

        Raises BrokerUnavailable.
        """
        records = await asyncio.to_thread(self._reader.poll, _POLL_SECONDS)
        for record in records:
            self._apply(record)
        now = self._clock()
        if records or now < self._next_search_at:
            return 0
        self._next_search_at = now + self._every
        overdue = self._runs.take_overdue(now, self._enqueued_up_to(), self._is_admitted, _AT_MOST)
        found = await asyncio.to_thread(self._finder.read, overdue) if overdue else {}
        for record in found.values():
            await self._enqueue(record)
        return len(found)

    async def _enqueue(self, record: Record) -> None:
        event = decode(record.value)
        job = job_for(event) if isinstance(event, AssetEvent) else None
        if job:
            log.warning("job %s of asset %s is overdue", job.job_id, job.asset_id)
            try:
                await send_until_durable(self._sender, IMAGE_JOBS, job.asset_id, encode(job))
            except RecordRefused as refused:  # the dispatcher has made a dead letter of it
                log.error("job %s cannot be enqueued: %s", job.job_id, refused)  # noqa: TRY400 - that says it all

    def _apply(self, record: Record) -> None:
        try:
            message = decode(record.value)
        except Undecodable:
            return  # the dispatcher has made a dead letter of it
        if isinstance(message, AssetEvent):
            try:
                self._runs.apply(message, (record.partition, record.offset))
            except Exception:  # as above
                log.exception("an event of %s cannot be folded", message.asset_id)
