"""Order again what should have ended long ago, whatever it was lost to."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from avro_schemas.codec import decode, encode
from avro_schemas.errors import Undecodable
from domain.events import Event
from infra.reading import Record
from infra.topics import IMAGE_JOBS
from streams.dispatching.open_runs import OpenRuns
from streams.sending import Sending, send_at_last

_AT_MOST = 100  # a round: a worker that is merely behind must not be buried in copies
_POLL_SECONDS = 0.5

log = logging.getLogger(__name__)


class Following(Protocol):
    """What reads every partition of asset-events from its beginning."""

    def poll(self, timeout_seconds: float, /) -> list[Record]:
        """Read what is there; raises BrokerUnavailable."""


class Sweeper:
    """Keeps the runs under way in memory, folded from the whole log.

    Every dispatcher folds all of it, and orders only what belongs to its own partitions.
    """

    def __init__(
        self,
        reader: Following,
        sender: Sending,
        runs: OpenRuns,
        owned: Callable[[], set[int]],
        clock: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._sender = sender
        self._runs = runs
        self._owned = owned
        self._clock = clock

    async def step(self) -> int:
        """Take in the next events; at the end of the log order what is overdue, and count it."""
        records = await asyncio.to_thread(self._reader.poll, _POLL_SECONDS)
        for record in records:
            self._apply(record)
        if records:
            return 0
        jobs = self._runs.take_overdue(self._clock(), self._owned(), _AT_MOST)
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
