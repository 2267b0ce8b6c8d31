"""Remove the bytes and the keys of purged assets; bytes that another asset has too stay."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from avro_schemas.codec import decode
from avro_schemas.errors import KeysLost, Undecodable
from domain.events import AssetPublished, AssetPurged, AssetSourceReplaced, AssetSubmitted, Event
from domain.transformations import made_folder
from domain.values import AssetId, BlobKey, EventId, Sha256
from infra.blob_store import BlobStore
from infra.errors import BrokerUnavailable, StoreUnavailable
from infra.group_reading import Partition
from infra.reading import Record

Erase = Callable[[Sequence[AssetPurged]], None]
"""Destroys the keys of assets; raises KeysLost, OSError."""

Confirm = Callable[[AssetPurged], Awaitable[None]]
"""Has it noted that nothing personal is left of an asset; raises BrokerUnavailable."""

_BATCH = 1_000
_POLL_SECONDS = 0.5

log = logging.getLogger(__name__)


class Reading(Protocol):
    """What reads as one of a group."""

    def poll(self, at_most: int, timeout_seconds: float, /) -> list[Record]:
        """Read what is there; raises BrokerUnavailable."""

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Note how far we are; raises BrokerUnavailable."""


def unreferenced(candidates: Iterable[BlobKey], events: Iterable[Event]) -> set[BlobKey]:
    """Name the blobs that no asset references any more, going by all that ever happened."""
    holders: dict[BlobKey, set[AssetId]] = {key: set() for key in candidates}
    for event in events:
        for key in referenced(event):
            if key in holders:
                holders[key].add(event.asset_id)
        if isinstance(event, AssetPurged):
            for key in event.blob_keys:
                if key in holders:
                    holders[key].discard(event.asset_id)
    return {key for key, assets in holders.items() if not assets}


class Purger:
    """Deletes what purged assets alone referenced, some time after they were purged.

    Blobs are shared by assets with the same bytes, so before anything is deleted the whole log is
    read, once for all purges that are due; nothing is kept that could be lost. That is done once
    in a ``delay`` at most, so bytes are gone after one to two of them. The delay is also for a run
    under way that has stored the same bytes but is not published yet.

    An asset's key is destroyed as soon as its purge is read. A purge counts as done when its blobs
    are gone too and that is confirmed; after a crash it is done again, and confirmed once. While
    the keyring or its disk is away, purges wait.
    """

    def __init__(
        self,
        open_reader: Callable[[Callable[[list[Partition]], None]], Reading],
        history: Callable[[], Iterator[Record]],
        blobs: BlobStore,
        erase: Erase,
        confirm: Confirm,
        clock: Callable[[], datetime],
        delay: timedelta,
    ) -> None:
        self._history = history
        self._blobs = blobs
        self._erase = erase
        self._confirm = confirm
        self._clock = clock
        self._delay = delay
        self._next_at = clock()
        self._pending: dict[Partition, dict[int, AssetPurged]] = defaultdict(dict)
        self._with_keys: dict[EventId, AssetPurged] = {}
        self._next: dict[Partition, int] = {}
        self._reader = open_reader(self._forget)

    async def step(self) -> int:
        """Remove what is due, and count the purges; raises BrokerUnavailable.

        No bytes are removed while an event in the log cannot be read: it may reference anything.
        """
        records = await asyncio.to_thread(self._reader.poll, _BATCH, _POLL_SECONDS)
        for record in records:
            self._take_in(record)
        await self._destroy_keys()
        done = await self._purge(self._due())
        if done or records:
            await asyncio.to_thread(self._commit)
        return done

    def _take_in(self, record: Record) -> None:
        partition = (record.topic, record.partition)
        self._next[partition] = record.offset + 1
        try:
            event = decode(record.value)
        except Undecodable:
            return  # no purge that we could carry out
        if isinstance(event, AssetPurged):
            self._pending[partition][record.offset] = event
            self._with_keys[event.metadata.event_id] = event

    async def _destroy_keys(self) -> None:
        purges = list(self._with_keys.values())
        if not purges:
            return
        try:
            await asyncio.to_thread(self._erase, purges)
        except (KeysLost, OSError) as error:
            log.error("%s keys are not destroyed yet: %s", len(purges), error)  # noqa: TRY400 - that says it all
            await asyncio.sleep(_POLL_SECONDS)
        else:
            self._with_keys.clear()

    def _due(self) -> list[tuple[Partition, int, AssetPurged]]:
        now = self._clock()
        if now < self._next_at:
            return []
        due = [
            (partition, offset, event)
            for partition, events in self._pending.items()
            for offset, event in events.items()
            if event.metadata.happened_at <= now - self._delay
            and event.metadata.event_id not in self._with_keys
        ]
        if due:
            self._next_at = now + self._delay
        return due

    async def _purge(self, due: list[tuple[Partition, int, AssetPurged]]) -> int:
        candidates = {key for _, _, event in due for key in event.blob_keys}
        try:
            if candidates:
                await self._remove(candidates)
        except (StoreUnavailable, Undecodable) as error:
            log.error("purging %s assets has to wait: %s", len(due), error)  # noqa: TRY400 - that says it all
            return 0
        for partition, offset, event in due:
            await self._confirm(event)
            self._pending[partition].pop(offset, None)
        return len(due)

    async def _remove(self, candidates: set[BlobKey]) -> None:
        keys = await asyncio.to_thread(unreferenced, candidates, self._all_events())
        for key in keys:
            await self._blobs.delete(key)
            await self._remove_made_of(key)
        log.info("of %s purged blobs %s were nobody else's", len(candidates), len(keys))

    async def _remove_made_of(self, key: BlobKey) -> None:
        """Remove what was rendered on demand, after the original: then no more can be made."""
        folder, _, sha256 = key.rpartition("/")
        if folder.startswith("originals/"):
            for made in await self._blobs.keys(made_folder(Sha256(sha256))):
                await self._blobs.delete(made)

    def _all_events(self) -> Iterator[Event]:
        for record in self._history():
            message = decode(record.value)
            if isinstance(message, Event):
                yield message

    def _commit(self) -> None:
        offsets = {
            partition: min(self._pending[partition], default=offset)
            for partition, offset in self._next.items()
        }
        try:
            self._reader.commit(offsets)
        except BrokerUnavailable as error:  # the same purges come again: harmless
            log.warning("not committed: %s", error)

    def _forget(self, partitions: list[Partition]) -> None:
        for partition in partitions:
            for event in self._pending.pop(partition, {}).values():
                self._with_keys.pop(event.metadata.event_id, None)
            self._next.pop(partition, None)


def referenced(event: Event) -> Iterator[BlobKey]:
    """Name the blobs that an event refers to."""
    match event:
        case AssetPublished():
            yield event.original.blob_key
            yield from (made.blob_key for made in event.renditions)
        case AssetSubmitted() | AssetSourceReplaced():
            if event.source.upload_key:
                yield event.source.upload_key
