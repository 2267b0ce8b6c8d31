"""Compares the store with the log, both ways, and puts right what can be put right."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Protocol, TypeVar
from uuid import uuid4

from avro_schemas.codec import decode, encode
from avro_schemas.errors import Undecodable
from backup.blob_inventory import BlobInventory, MissingBlob
from domain.asset.blob_keys import ROOT
from domain.asset.commands import AssetCommand, ReprocessAsset
from domain.asset.discarded_blobs import folders_in_command
from domain.asset.events import AssetEvent
from domain.commands import CommandMetadata
from domain.values import Actor, AssetId, BlobKey, CommandId, CorrelationId, TenantId
from infra.blobs.store import BlobEntry, BlobStore
from infra.errors import BlobNotFound
from infra.kafka.partition_reader import Record
from infra.kafka.producer import LogPosition
from infra.kafka.topics import ASSET_COMMANDS, Topic

_CHECKER = Actor("system:checker")
_BATCH = 5_000
_FORMER_ROOTS = tuple(map(BlobKey, ("originals", "renditions", "uploads", "derived")))

_Item = TypeVar("_Item")

OnProgress = Callable[[str, int], None]  # what, and how many so far


class ReprocessCommandSender(Protocol):
    """What appends commands: infra.kafka.producer.Sender."""

    async def send(self, topic: Topic, key: str, value: bytes) -> LogPosition:
        """Append one record; raises Overloaded, BrokerUnavailable."""


@dataclass(slots=True, kw_only=True)
class BlobCheckTotals:
    """What a check came to; ``unreadable`` events may name anything, so nothing is removed then."""

    stored: int = 0
    stored_bytes: int = 0
    named: int = 0
    unreadable: int = 0
    unknown: int = 0
    unknown_bytes: int = 0
    missing: int = 0
    removed: int = 0
    ordered: int = 0

    @property
    def is_well(self) -> bool:
        """Whether both sides agree, or all that differed was put right."""
        return self.unknown == self.removed and not self.missing and not self.unreadable


class BlobCheck:
    """Lists the store first and reads the log then, so that whatever is listed was named by then.

    A blob is unknown if it is older than ``before``, no event names it, and no run that may still
    end well has stored it. It is missing if the log names it and the store does not have it, asked
    once more by name.
    """

    def __init__(self, inventory: BlobInventory, store: BlobStore, on_progress: OnProgress) -> None:
        self._inventory = inventory
        self._store = store
        self._on_progress = on_progress
        self.totals = BlobCheckTotals()

    async def take_inventory(self, letters: Iterable[object], events: Iterable[Record]) -> None:
        """List the store, then read the commands that wait as dead letters, and the log.

        Raises StoreUnavailable, BrokerUnavailable, KeysLost, sqlite3.Error for a full disk.
        """
        listed = 0
        for folder in (ROOT, *_FORMER_ROOTS):
            async for page in self._store.pages(folder):
                self._inventory.list(page)
                listed += len(page)
                self._on_progress("blobs listed", listed)
        for letter in letters:
            if isinstance(letter, AssetCommand):
                for brought in folders_in_command(letter):
                    self._inventory.protect(brought)
        read = 0
        for batch in _batches(events):
            self._inventory.apply_events(self._readable(batch))
            read += len(batch)
            self._on_progress("events read", read)
        totals = self.totals
        totals.stored, totals.named, totals.stored_bytes = self._inventory.counts()

    def unknown(self, before: datetime) -> Iterator[BlobEntry]:
        """Name what the store has and the log does not know."""
        for entry in self._inventory.unknown(before):
            self.totals.unknown += 1
            self.totals.unknown_bytes += entry.size_bytes
            yield entry

    async def missing(self) -> AsyncIterator[MissingBlob]:
        """Name what the log names and the store does not have."""
        for each in self._inventory.missing():
            try:
                await self._store.head(each.key)
            except BlobNotFound:
                self.totals.missing += 1
                yield each

    async def remove(self, entries: Iterable[BlobEntry]) -> None:
        """Remove what is unknown; raises StoreUnavailable."""
        for batch in _batches(entries):
            await self._store.remove([entry.key for entry in batch])
            self.totals.removed += len(batch)
            self._on_progress("blobs removed", self.totals.removed)

    async def request_reprocessing(
        self, tenant_id: TenantId, asset_id: AssetId, sender: ReprocessCommandSender, now: datetime
    ) -> None:
        """Have an asset's renditions made again from its original."""
        command = ReprocessAsset(
            metadata=CommandMetadata.from_system(
                _CHECKER,
                CommandId(str(uuid4())),
                tenant_id=tenant_id,
                entity_id=asset_id,
                correlation_id=CorrelationId(str(uuid4())),
                now=now,
            ),
            preset=None,
            is_bulk=True,
        )
        await sender.send(ASSET_COMMANDS, asset_id, encode(command))
        self.totals.ordered += 1

    def _readable(self, records: Iterable[Record]) -> Iterator[AssetEvent]:
        for record in records:
            try:
                event = decode(record.value)
            except Undecodable:
                self.totals.unreadable += 1
                continue
            if isinstance(event, AssetEvent):
                yield event


def _batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    source = iter(items)
    while batch := list(islice(source, _BATCH)):
        yield batch
