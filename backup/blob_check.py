"""Compares the blob store with the log, both ways, and repairs what can be repaired."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar
from uuid import uuid4

from avro_schemas.codec import decode, encode
from avro_schemas.errors import Undecodable
from backup.blob_inventory import BlobInventory, MissingBlob
from domain.asset.blob_keys import ROOT
from domain.asset.commands import AssetCommand, ReprocessAsset
from domain.asset.discarded_blobs import folders_in_command
from domain.asset.events import AssetEvent
from domain.commands import CommandMetadata
from domain.errors import ScaleHosterError
from domain.values import Actor, AssetId, BlobKey, CommandId, CorrelationId, TenantId
from infra.blobs.store import BlobEntry, BlobStore, open_blob_store
from infra.errors import BlobNotFound
from infra.kafka.client import Kafka
from infra.kafka.offsets.lag import group_has_read
from infra.kafka.partition_reader import Record, read_from_beginning
from infra.kafka.producer import RecordProducer, RecordSender
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS, COMMANDS_DEAD_LETTERS
from infra.settings import Settings
from read_models.dead_letters import DeadLetterFilter, DeadLetterQueue

_CHECKER = Actor("system:checker")
_DECIDERS = "command_api.decider"
_BATCH = 5_000
_MOST_REPROCESSED = 50_000  # assets; the next check finds the others
_FORMER_ROOTS = tuple(map(BlobKey, ("originals", "renditions", "uploads", "derived")))

_Item = TypeVar("_Item")

OnFinding = Callable[[BlobEntry | MissingBlob], None]  # an unknown blob, or a missing one
OnCount = Callable[[str, int], None]  # what is counted, and how many so far


class BlobRemovalRefused(ScaleHosterError):
    """It is not known for certain what the log does not name."""


@dataclass(slots=True, kw_only=True)
class BlobCheckTotals:
    """Counts of a check; ``unreadable`` events may name anything, so nothing is removed then."""

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
        """Return True if store and log agree, or all unknown blobs were removed."""
        return self.unknown == self.removed and not self.missing and not self.unreadable


async def check_blobs(
    settings: Settings,
    before: datetime,
    *,
    repair: bool,
    on_finding: OnFinding,
    on_count: OnCount,
    on_undecided: Callable[[], None],
) -> BlobCheckTotals:
    """Check the store of an installation while others go on; with ``repair`` also repair it.

    ``on_undecided`` is called when commands wait for a decider: what they name is not known yet.
    Raises BlobRemovalRefused, StoreUnavailable, BrokerUnavailable, KeysLost, sqlite3.Error for a
    full disk.
    """
    kafka = settings.kafka.connection()
    if not _is_every_command_decided(kafka):
        if repair:
            raise BlobRemovalRefused(
                "commands wait that name bytes, and no decider decides them: start one first"
            )
        on_undecided()
    undecidable = DeadLetterQueue.connect(kafka).entries(
        DeadLetterFilter(), topic=COMMANDS_DEAD_LETTERS.name
    )
    store = open_blob_store(settings.blobs_url, settings.blobs)
    with (
        BlobInventory(settings.data_dir / "scratch" / "blob-inventory.sqlite") as inventory,
        read_from_beginning(kafka, ASSET_EVENTS) as events,
    ):
        check = BlobCheck(inventory, store, before, on_finding, on_count)
        await check.compare((letter.message for letter in undecidable), events.read_to_end())
        if repair:
            async with RecordProducer(kafka) as sender:
                await check.repair(sender, datetime.now(UTC))
        return check.totals


class BlobCheck:
    """Lists the store first and reads the log then, so that whatever is listed was named by then.

    A blob is unknown if it is older than ``before``, no event names it, and no run that may still
    end well has stored it. It is missing if the log names it and the store does not have it, asked
    once more by name.
    """

    def __init__(
        self,
        inventory: BlobInventory,
        store: BlobStore,
        before: datetime,
        on_finding: OnFinding,
        on_count: OnCount,
    ) -> None:
        self._inventory = inventory
        self._store = store
        self._before = before
        self._on_finding = on_finding
        self._on_count = on_count
        self._reprocessed: dict[tuple[TenantId, AssetId], None] = {}  # in order, each once
        self.totals = BlobCheckTotals()

    async def compare(self, dead_commands: Iterable[object], events: Iterable[Record]) -> None:
        """Find what is unknown and what is missing; a dead letter may still be sent again.

        Raises StoreUnavailable, BrokerUnavailable, KeysLost, sqlite3.Error for a full disk.
        """
        await self._list_store()
        for command in dead_commands:
            if isinstance(command, AssetCommand):
                for brought in folders_in_command(command):
                    self._inventory.protect(brought)
        self._read_log(events)
        totals = self.totals
        totals.stored, totals.named, totals.stored_bytes = self._inventory.counts()
        for entry in self._inventory.unknown(self._before):
            totals.unknown += 1
            totals.unknown_bytes += entry.size_bytes
            self._on_finding(entry)
        for each in self._inventory.missing():
            try:
                await self._store.head(each.key)
            except BlobNotFound:
                totals.missing += 1
                self._on_finding(each)
                if each.can_be_made and len(self._reprocessed) < _MOST_REPROCESSED:
                    self._reprocessed[each.tenant_id, each.asset_id] = None

    async def repair(self, sender: RecordSender, now: datetime) -> None:
        """Remove what is unknown, and have missing renditions made again from their originals.

        Raises BlobRemovalRefused, StoreUnavailable, Overloaded, BrokerUnavailable.
        """
        if self.totals.unreadable:
            raise BlobRemovalRefused(
                f"{self.totals.unreadable} events cannot be read by this release: they may name"
                " what it does not know"
            )
        for batch in _batches(self._inventory.unknown(self._before)):
            await self._store.remove([entry.key for entry in batch])
            self.totals.removed += len(batch)
            self._on_count("blobs removed", self.totals.removed)
        for tenant_id, asset_id in self._reprocessed:
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

    async def _list_store(self) -> None:
        listed = 0
        for folder in (ROOT, *_FORMER_ROOTS):
            async for page in self._store.pages(folder):
                self._inventory.list(page)
                listed += len(page)
                self._on_count("blobs listed", listed)

    def _read_log(self, events: Iterable[Record]) -> None:
        read = 0
        for batch in _batches(events):
            self._inventory.apply_events(self._readable(batch))
            read += len(batch)
            self._on_count("events read", read)

    def _readable(self, records: Iterable[Record]) -> Iterator[AssetEvent]:
        for record in records:
            try:
                event = decode(record.value)
            except Undecodable:
                self.totals.unreadable += 1
                continue
            if isinstance(event, AssetEvent):
                yield event


def _is_every_command_decided(kafka: Kafka) -> bool:
    with closing(read_from_beginning(kafka, ASSET_COMMANDS)) as commands:
        ends = commands.ends()
    return group_has_read(kafka, _DECIDERS, ASSET_COMMANDS, ends)


def _batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    source = iter(items)
    while batch := list(islice(source, _BATCH)):
        yield batch
