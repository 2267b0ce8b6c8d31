"""Order again what should have ended long ago, whatever it was lost to."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from avro_schemas.codec import decode, encode
from avro_schemas.errors import Undecodable
from domain.events import Event
from domain.values import AssetId
from infra.errors import RecordRefused
from infra.kafka.partition_reader import Record
from infra.kafka.topics import IMAGE_JOBS
from streams.ingestion.dispatcher.image_jobs import job_for
from streams.ingestion.dispatcher.open_runs import OpenRuns
from streams.ingestion.dispatcher.tenant_queues import EventOffset
from streams.runtime.durable_producer import RecordSender, send_until_durable

_AT_MOST = 100  # a sweep: workers that are merely behind must not be buried in copies
_POLL_SECONDS = 0.5

log = logging.getLogger(__name__)


class EventReader(Protocol):
    """What reads every partition of asset-events from its beginning."""

    def poll(self, timeout_seconds: float, /) -> list[Record]:
        """Read what is there; raises BrokerUnavailable."""


class OverdueEventLookup(Protocol):
    """What reads single events again."""

    def read(self, places: Iterable[EventOffset], /) -> Mapping[EventOffset, Record]:
        """Fetch the records at these places; raises BrokerUnavailable."""


class OverdueRunRequeuer:
    """Keeps the runs under way in memory, folded from the whole log, and sweeps now and then.

    Every dispatcher folds all of it, and orders only what it, or the owner before it, has ordered
    once: ``enqueued_up_to`` says before which offset of each of its partitions that is everything,
    ``is_admitted`` which assets it has ordered work for lately. The first sweep comes one interval
    after the start.
    """

    def __init__(
        self,
        reader: EventReader,
        sender: RecordSender,
        runs: OpenRuns,
        finder: OverdueEventLookup,
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
        self._next_sweep_at = clock() + every

    async def step(self) -> int:
        """Take in the next events; at the end of the log order what is overdue, and count it.

        Raises BrokerUnavailable.
        """
        records = await asyncio.to_thread(self._reader.poll, _POLL_SECONDS)
        for record in records:
            self._apply(record)
        now = self._clock()
        if records or now < self._next_sweep_at:
            return 0
        self._next_sweep_at = now + self._every
        overdue = self._runs.take_overdue(now, self._enqueued_up_to(), self._is_admitted, _AT_MOST)
        found = await asyncio.to_thread(self._finder.read, overdue) if overdue else {}
        for record in found.values():
            await self._order(record)
        return len(found)

    async def _order(self, record: Record) -> None:
        event = decode(record.value)
        job = job_for(event) if isinstance(event, Event) else None
        if job:
            log.warning("job %s of asset %s is overdue", job.job_id, job.asset_id)
            try:
                await send_until_durable(self._sender, IMAGE_JOBS, job.asset_id, encode(job))
            except RecordRefused as refused:  # the dispatcher has made a dead letter of it
                log.error("job %s cannot be ordered: %s", job.job_id, refused)  # noqa: TRY400 - that says it all

    def _apply(self, record: Record) -> None:
        try:
            message = decode(record.value)
        except Undecodable:
            return  # the dispatcher has made a dead letter of it
        if isinstance(message, Event):
            try:
                self._runs.apply(message, (record.partition, record.offset))
            except Exception:  # as above
                log.exception("an event of %s cannot be swept", message.asset_id)
