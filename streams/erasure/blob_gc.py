"""Garbage collection: discarded blobs are removed some time after the decider discarded them."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import compress

from avro_schemas.codec import decode, encode
from avro_schemas.errors import Undecodable
from domain.asset.commands import ConfirmErasure
from domain.asset.discarded_blobs import BlobsDiscarded
from domain.commands import CommandMetadata
from domain.identity import erasure_command_id
from domain.values import Actor, EventId
from infra.blobs.store import BlobStore, is_blob_key
from infra.errors import StoreUnavailable
from infra.failpoints import pass_by
from infra.kafka.partition_reader import Record
from infra.kafka.producer import RecordSender
from infra.kafka.topics import ASSET_COMMANDS, IMAGE_JOBS_DEAD_LETTERS
from streams.runtime.dead_letter_queue import send_dead_letter
from streams.runtime.durable_producer import send_until_durable
from streams.runtime.partition_queues import OpenReader, PartitionQueues, QueuedTask

_PURGER = Actor("system:purger")
_AT_ONCE = 50  # of each partition
_POLL_SECONDS = 0.5

log = logging.getLogger(__name__)


class BlobCollector:
    """Removes discarded blobs in order, each ``delay`` after its record was written.

    The delay is for a worker that executes a run which is over and does not know yet: what it
    stores is removed too. It is never needed to spare anything, for discarded blobs never count
    again. The end of a purge is confirmed to the decider here. After a crash blobs are removed and
    purges confirmed once more, harmlessly. A record that cannot be read, or that names a folder
    which is not its asset's, becomes a dead letter.
    """

    def __init__(
        self,
        open_reader: OpenReader,
        blobs: BlobStore,
        sender: RecordSender,
        clock: Callable[[], datetime],
        delay: timedelta,
    ) -> None:
        self._queues: PartitionQueues[BlobsDiscarded | str] = PartitionQueues(
            open_reader, _discard_in
        )
        self._blobs = blobs
        self._sender = sender
        self._clock = clock
        self._delay = delay
        self._is_busy = False

    async def step(self) -> int:
        """Go on with what is due and return how much is done; raises BrokerUnavailable."""
        await asyncio.to_thread(self._queues.read, 0.0 if self._is_busy else _POLL_SECONDS)
        due_ms = (self._clock() - self._delay).timestamp() * 1_000
        tasks = self._queues.first(_AT_ONCE, lambda task: task.record.timestamp_ms <= due_ms)
        self._is_busy = bool(tasks)
        are_done = await asyncio.gather(*map(self._is_done, tasks))
        done = list(compress(tasks, are_done))
        for task in done:
            self._queues.finish(task)
        await asyncio.to_thread(self._queues.commit)
        return len(done)

    async def _is_done(self, task: QueuedTask[BlobsDiscarded | str]) -> bool:
        """Remove some of its blobs; True when none is left and that is confirmed."""
        discard = task.work
        if isinstance(discard, str):
            await self._dead_letter(task.record, discard)
            return True
        try:
            if await self._blobs.clear(discard.folder, spare=discard.spared):
                pass_by("discarding.after_some_bytes")
                return False
        except StoreUnavailable as error:
            log.error("removing %s has to wait: %s", discard.folder, error)  # noqa: TRY400 - that says it all
            await asyncio.sleep(_POLL_SECONDS)
            return False
        if discard.purge_id:
            pass_by("discarding.before_confirming")
            await self._confirm(discard, discard.purge_id)
        pass_by("discarding.after_bytes_before_commit")
        return True

    async def _confirm(self, discard: BlobsDiscarded, purge_id: EventId) -> None:
        """Ask the decider to record that a purge is done; repeated, it is recorded once."""
        command = ConfirmErasure(
            metadata=CommandMetadata.from_system(
                _PURGER,
                erasure_command_id(purge_id),
                tenant_id=discard.tenant_id,
                entity_id=discard.asset_id,
                correlation_id=discard.correlation_id,
                now=self._clock(),
            )
        )
        await send_until_durable(self._sender, ASSET_COMMANDS, discard.asset_id, encode(command))

    async def _dead_letter(self, record: Record, detail: str) -> None:
        now = self._clock()
        await send_dead_letter(
            self._sender, IMAGE_JOBS_DEAD_LETTERS, record, "undecodable", detail, now
        )


def _discard_in(record: Record) -> BlobsDiscarded | str:
    """Return what the record discards, or the reason why it may not be carried out."""
    try:
        message = decode(record.value)
    except Undecodable as error:
        return str(error)
    if not isinstance(message, BlobsDiscarded):
        return f"{type(message).__name__} discards nothing"
    is_own_folder = message.is_own_folder and is_blob_key(message.folder)
    return message if is_own_folder else f"{message.folder} is no folder of its asset"
