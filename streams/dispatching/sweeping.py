"""Order again what should have ended long ago, whatever it was lost to."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from avro_schemas.codec import decode, encode
from avro_schemas.errors import Undecodable
from domain.events import Event
from infra.reading import Record
from infra.topics import IMAGE_JOBS
from streams.dispatching.open_runs import OpenRuns
from streams.sending import Sending, send_at_last

_AT_MOST = 100  # a sweep: workers that are merely behind must not be buried in copies
_POLL_SECONDS = 0.5

log = logging.getLogger(__name__)


class Following(Protocol):
    """What reads every partition of asset-events from its beginning."""

    def poll(self, timeout_seconds: float, /) -> list[Record]:
        """Read what is there; raises BrokerUnavailable."""


class Sweeper:
    """Keeps the runs under way in memory, folded from the whole log, and sweeps now and then.

    Every dispatcher folds all of it, and orders only what belongs to its own partitions. The first
    sweep comes one interval after the start, when what was waiting has been ordered anyway.
    """

    def __init__(
        self,
        reader: Following,
        sender: Sending,
        runs: OpenRuns,
        owned: Callable[[], set[int]],
        clock: Callable[[], datetime],
        every: timedelta,
    ) -> None:
        self._reader = reader
        self._sender = sender
        self._runs = runs
        self._owned = owned
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
        jobs = self._runs.take_overdue(now, self._owned(), _AT_MOST)
        for job in jobs:
            log.warning("job %s of asset %s is overdue", job.job_id, job.asset_id)
            await send_at_last(self._sender, IMAGE_JOBS, job.asset_id, encode(job))
        return len(jobs)

    def _apply(self, record: Record) -> None:
        try:
            message = decode(record.value)
        except Undecodable:
            return  # the dispatcher has made a dead letter of it
        if isinstance(message, Event):
            self._runs.apply(message, record.partition)
