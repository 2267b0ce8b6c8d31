"""The purge of assets: key and bytes are removed, and the bytes once more later."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress

from avro_schemas.codec import decode, encode
from avro_schemas.errors import KeysLost, Undecodable
from domain.asset.blob_keys import asset_folder
from domain.asset.discarded_blobs import BlobsDiscarded
from domain.asset.events import AssetPurged
from infra.blobs.store import BlobStore
from infra.errors import StoreUnavailable
from infra.failpoints import pass_by
from infra.kafka.partition_reader import Record
from infra.kafka.producer import RecordSender
from infra.kafka.topics import DISCARDED_BLOBS
from streams.runtime.durable_producer import send_until_durable
from streams.runtime.partition_queues import OpenReader, PartitionQueues

_AT_ONCE = 50  # of each partition
_POLL_SECONDS = 0.5

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Purge:
    event: AssetPurged
    has_key: bool = True


class AssetPurger:
    """Follows the events and carries out each purge in order, within a second or so.

    First ``shred`` destroys the key (it raises KeysLost, OSError), so that whatever fails then,
    nothing personal can be read. Then all that lies below the asset's folder is removed; no other
    asset has bytes there. A worker may still execute a run of the asset, so the removal is asked
    for once more, some time later, and the purge ends with that one (streams/erasure/blob_gc.py).
    After a crash all of it is done again, harmlessly. While the keyring, its disk or the store is
    away, purges wait.
    """

    def __init__(
        self,
        open_reader: OpenReader,
        blobs: BlobStore,
        shred: Callable[[Sequence[AssetPurged]], None],
        sender: RecordSender,
    ) -> None:
        self._queues: PartitionQueues[_Purge] = PartitionQueues(open_reader, _purge_in)
        self._is_busy = False
        self._blobs = blobs
        self._shred = shred
        self._sender = sender

    async def step(self) -> int:
        """Go on with the oldest purges, and return how many were carried out.

        Raises BrokerUnavailable.
        """
        await asyncio.to_thread(self._queues.read, 0.0 if self._is_busy else _POLL_SECONDS)
        tasks = self._queues.first(_AT_ONCE)
        self._is_busy = bool(tasks)
        done = 0
        if await self._keys_are_gone([task.work for task in tasks]):
            are_gone = await asyncio.gather(*(self._bytes_are_gone(t.work.event) for t in tasks))
            for task in compress(tasks, are_gone):
                self._queues.finish(task)
                done += 1
        await asyncio.to_thread(self._queues.commit)
        return done

    async def _keys_are_gone(self, purges: Sequence[_Purge]) -> bool:
        with_keys = [purge for purge in purges if purge.has_key]
        if not with_keys:
            return True
        try:
            await asyncio.to_thread(self._shred, [purge.event for purge in with_keys])
        except (KeysLost, OSError) as error:
            log.error("%s keys are not destroyed yet: %s", len(with_keys), error)  # noqa: TRY400 - that says it all
            await asyncio.sleep(_POLL_SECONDS)
            return False
        for purge in with_keys:
            purge.has_key = False
        pass_by("purger.after_keys_before_bytes")
        return True

    async def _bytes_are_gone(self, event: AssetPurged) -> bool:
        """Remove some of the bytes; with none left, ask for the second removal and return True."""
        about = event.metadata
        folder = asset_folder(about.tenant_id, event.asset_id)
        try:
            if await self._blobs.clear(folder):
                pass_by("purger.after_some_bytes")
                return False
        except StoreUnavailable as error:
            log.error("purging %s has to wait: %s", event.asset_id, error)  # noqa: TRY400 - that says it all
            await asyncio.sleep(_POLL_SECONDS)
            return False
        once_more = BlobsDiscarded(
            tenant_id=about.tenant_id,
            asset_id=event.asset_id,
            folder=folder,
            spared=None,
            purge_id=about.event_id,
            correlation_id=about.correlation_id,
        )
        await send_until_durable(self._sender, DISCARDED_BLOBS, event.asset_id, encode(once_more))
        pass_by("purger.after_bytes_before_commit")
        return True


def _purge_in(record: Record) -> _Purge | None:
    try:
        event = decode(record.value)
    except Undecodable:
        return None  # no purge that we could carry out
    return _Purge(event) if isinstance(event, AssetPurged) else None
