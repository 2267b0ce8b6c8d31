"""Follow the facts and order the work they ask for."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from avro_schemas.codec import decode, encode
from avro_schemas.errors import Undecodable
from domain.events import Event
from infra.errors import BrokerUnavailable
from infra.failpoints import pass_by
from infra.group_reading import Partition
from infra.reading import Record
from infra.topics import IMAGE_JOBS, IMAGE_JOBS_DEAD_LETTERS, Topic
from streams.dispatching.orders import job_for
from streams.sending import Sending, dead_letter, send_at_last

_BATCH = 500
_POLL_SECONDS = 0.2

log = logging.getLogger(__name__)


class Reading(Protocol):
    """What reads as one of a group."""

    def poll(self, at_most: int, timeout_seconds: float, /) -> list[Record]:
        """Read what is there; raises BrokerUnavailable."""

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Note how far we are; raises BrokerUnavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """Turns each event that starts a pipeline run into a job.

    A job is acknowledged by the broker before its event counts as read. After a crash in between
    the same jobs are ordered again, under the same ids.
    """

    reader: Reading
    sender: Sending
    clock: Callable[[], datetime]

    async def step(self) -> int:
        """Order the work of the next few events, and count them; raises BrokerUnavailable."""
        records = await asyncio.to_thread(self.reader.poll, _BATCH, _POLL_SECONDS)
        orders = [order for order in map(self._order, records) if order]
        await asyncio.gather(*(send_at_last(self.sender, *order) for order in orders))
        if records:
            pass_by("dispatcher.after_send_before_commit")
            await asyncio.to_thread(self._commit, records)
        return len(records)

    def _order(self, record: Record) -> tuple[Topic, str, bytes] | None:
        try:
            message = decode(record.value)
        except Undecodable as error:
            place = f"{record.topic} {record.partition}/{record.offset}"
            log.error("%s cannot be read: %s", place, error)  # noqa: TRY400 - that says it all
            letter = dead_letter(record, "undecodable", str(error), self.clock())
            key = record.key.decode("utf-8", errors="replace")
            return IMAGE_JOBS_DEAD_LETTERS, key, encode(letter)
        job = job_for(message) if isinstance(message, Event) else None
        return (IMAGE_JOBS, job.asset_id, encode(job)) if job else None

    def _commit(self, records: list[Record]) -> None:
        offsets = {(record.topic, record.partition): record.offset + 1 for record in records}
        try:
            self.reader.commit(offsets)
        except BrokerUnavailable as error:  # the same events come again, or go to another member
            log.warning("not committed: %s", error)
