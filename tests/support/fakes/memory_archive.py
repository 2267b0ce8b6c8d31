"""A log in memory, to be exported from and restored into, and small histories to fill it with."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

from aiokafka.partitioner import murmur2

from avro_schemas.codec import decode, encode
from avro_schemas.containers import LoggedRecord
from backup.errors import RestoreRefused
from backup.log_export import ExportOptions, LogExporter
from backup.manifest import Manifest
from domain.asset.blob_keys import asset_folder, attempt_folder, blob_key
from domain.asset.events import AssetEvent, AssetPublished
from domain.category.events import CatalogueEvent
from domain.values import BlobKey, Sha256, TenantId
from infra.kafka.topics import ASSET_EVENTS, CATEGORY_EVENTS, Topic
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.history_maker import VERBS, tenant
from tests.support.keyrings import fixed_keyring
from tests.support.samples import NOON

Event = AssetEvent | CatalogueEvent
SMALL = ExportOptions(keyring=fixed_keyring().ring_id.hex(), chunk_bytes=3_000)


def history(tenants: int = 4, seed: int = 7) -> list[Event]:
    """Make some hundred events that can really have happened."""
    chance = Random(seed)
    events: list[Event] = []
    for number in range(tenants):
        wishes = [
            (chance.choice(VERBS), chance.randrange(3), chance.randrange(3), chance.randrange(3))
            for _ in range(60)
        ]
        name = TenantId(f"tenant-{number}")
        for event in tenant(wishes).events:
            entity = f"{number}-{event.asset_id}" if isinstance(event, AssetEvent) else name
            about = replace(event.metadata, tenant_id=name, entity_id=entity)
            events.append(replace(event, metadata=about))
    return events


def with_pictures(events: Iterable[Event], store: MemoryBlobStore) -> list[Event]:
    """Have each asset's events refer to its own pictures in a store, named by their content."""

    def kept(event: AssetPublished, key: BlobKey) -> BlobKey:
        asset = asset_folder(event.metadata.tenant_id, event.asset_id)
        content = f"{asset} {key}".encode()
        folder = attempt_folder(asset, event.run, "0")
        named = blob_key(folder, Sha256(sha256(content).hexdigest()))
        store.blobs[named] = content
        return named

    def told(event: Event) -> Event:
        if not isinstance(event, AssetPublished):
            return event
        original = replace(event.original, blob_key=kept(event, event.original.blob_key))
        renditions = tuple(
            replace(made, blob_key=kept(event, made.blob_key)) for made in event.renditions
        )
        return replace(event, original=original, renditions=renditions)

    return [told(event) for event in events]


class MemoryLog:
    """Partitions with holes in their offsets, as transactions leave them."""

    def __init__(self, log_id: str = "a log", *, is_used: bool = False) -> None:
        self.log_id = log_id
        self.is_used = is_used
        self.is_handed_over = False
        self.partitions: dict[tuple[str, int], list[LoggedRecord]] = {}
        self.tables: dict[str, dict[bytes, LoggedRecord]] = {}
        self.reads = 0
        self.dies_after = -1

    def write(self, events: Iterable[Event]) -> None:
        """Append events as the decider does."""
        for event in events:
            topic = ASSET_EVENTS if isinstance(event, AssetEvent) else CATEGORY_EVENTS
            key = event.metadata.entity_id.encode()
            partition = (murmur2(key) & 0x7FFFFFFF) % topic.partitions
            held = self.partitions.setdefault((topic.name, partition), [])
            held.append(
                LoggedRecord(
                    offset=held[-1].offset + 2 if held else 0,
                    timestamp_ms=int(event.metadata.happened_at.timestamp() * 1_000),
                    key=key,
                    headers=(("traceparent", b"00-1-2-01"),),
                    value=encode(event),
                )
            )

    def ends(self, topic: Topic) -> Mapping[int, int]:
        return {
            number: held[-1].offset + 2
            for number in range(topic.partitions)
            if (held := self.partitions.get((topic.name, number)))
        }

    def records(
        self, topic: Topic, partition: int, start: int = 0, end: int = 1 << 60
    ) -> Iterator[LoggedRecord]:
        for record in self.partitions.get((topic.name, partition), ()):
            if start <= record.offset < end:
                self.reads += 1
                yield record

    def table(self, topic: Topic) -> list[LoggedRecord]:
        return [record for _, record in sorted(self.tables.get(topic.name, {}).items())]

    def require_unused(self) -> None:
        if self.is_used:
            raise RestoreRefused("services run")

    def append(self, topic: Topic, partition: int, records: Iterator[LoggedRecord]) -> None:
        held = self.partitions.setdefault((topic.name, partition), [])
        for record in records:
            if self.dies_after == 0:
                raise RuntimeError("killed")
            self.dies_after -= 1
            offset = held[-1].offset + 3 if held else 0
            held.append(replace(record, offset=offset))

    def add_keys(self, topic: Topic, records: list[LoggedRecord]) -> int:
        table = self.tables.setdefault(topic.name, {})
        missing = [record for record in records if record.key not in table]
        table.update({record.key: record for record in missing})
        return len(missing)

    def hand_over(self) -> None:
        self.is_handed_over = True

    def contents(self) -> dict[tuple[str, int], list[LoggedRecord]]:
        """Give everything but the offsets."""
        return {
            place: [replace(record, offset=0) for record in held]
            for place, held in self.partitions.items()
            if held
        }

    def events(self) -> list[object]:
        return [decode(record.value) for held in self.partitions.values() for record in held]


def export(log: MemoryLog, directory: Path, wish: ExportOptions = SMALL) -> Manifest:
    """Export as the command does."""
    later = NOON + timedelta(days=1_000)
    return LogExporter(log, directory, wish, later).run(lambda _done, _total: None)
