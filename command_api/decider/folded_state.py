"""The folded state: assets and replies on disk, so that a restart reads only the tail.

One RocksDB per process holds, for each partition of asset-events, the assets, the outcomes of
clients' commands, the folders of bytes that count, and the offset up to which all is folded. All of
it may be deleted at any time.
What is personal is encrypted, so that a destroyed key makes it unreadable here as well.
Memory is bounded by the cache, not by the number of assets.
"""

import logging
import zlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import msgspec
from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch

from avro_schemas.codec import encode
from avro_schemas.encryption import process_encryptor
from command_api.decider.state_layout import (
    BrokenHistories,
    FoldedOffset,
    Personal,
    StoredAsset,
    asset_key,
    broken_key,
    command_key,
    folded_key,
    held_key,
    registry,
    without_personal,
)
from domain.asset import Asset, evolve, snapshot
from domain.asset.discarded_blobs import referenced_folders
from domain.asset.events import AssetEvent
from domain.events import Event
from domain.outcomes import CommandAccepted, accepted
from domain.values import AssetId, BlobKey, CommandId, TenantId
from infra.decider_runtime.broken_histories import event_in, history_gap, record_location
from infra.errors import HistoryBroken, StoreUnavailable
from infra.kafka.partition_reader import Record

_CACHED_ASSETS = 20_000
_LABEL = "asset"
_LAYOUT = 2  # raised when something else is kept in the same shapes
_BLOCK_CACHE_BYTES = 64 * 1024 * 1024
_WRITE_BUFFER_BYTES = 16 * 1024 * 1024

AssetKey = tuple[TenantId, AssetId]

log = logging.getLogger(__name__)


class Remembered(msgspec.Struct, frozen=True, array_like=True):
    """A command that took effect: what was asked, and the framed answer."""

    fingerprint: str
    outcome: bytes


class StateChanges:
    """What one batch of commands, or a stretch of the log, changes in one partition."""

    def __init__(self) -> None:
        self.assets: dict[AssetKey, Asset] = {}
        self.remembered: dict[CommandId, Remembered] = {}
        self.broken: dict[str, str] = {}  # entity: why nothing is decided about it any more
        self.held: set[BlobKey] = set()


class FoldedState:
    """Assets and outcomes of the partitions that this process decides for.

    Raises KeysLost without the keyring.

    ``log_id`` names the Kafka cluster: state folded from another log is forgotten. Not thread-safe.
    A full disk raises rocksdict's Exception from ``apply``; nothing is lost, the log has it all.
    """

    def __init__(self, directory: Path, log_id: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        table = BlockBasedOptions()
        table.set_block_cache(Cache(_BLOCK_CACHE_BYTES))
        options = Options(raw_mode=True)
        options.create_if_missing(True)  # noqa: FBT003 - the library's way
        options.set_write_buffer_size(_WRITE_BUFFER_BYTES)
        options.set_block_based_table_factory(table)
        self._log_id = log_id
        self._format = _format()
        self._db = Rdict(str(directory), options)
        self._cache: OrderedDict[tuple[int, AssetKey], Asset] = OrderedDict()
        self._read_kept = msgspec.msgpack.Decoder(StoredAsset)
        self._read_personal = msgspec.msgpack.Decoder(Personal)
        self._read_remembered = msgspec.msgpack.Decoder(Remembered)
        self._read_folded = msgspec.msgpack.Decoder(FoldedOffset)
        self._read_broken = msgspec.msgpack.Decoder(BrokenHistories)
        self._broken: dict[int, dict[str, str]] = {}
        self._pack = msgspec.msgpack.Encoder().encode

    def close(self) -> None:
        """Write everything out and let go of the directory."""
        self._db.close()

    def next_offset(self, partition: int) -> int:
        """Give the first offset of the events that is not folded yet."""
        packed = self._get(folded_key(partition))
        if packed is None:
            return 0
        folded = self._read_folded.decode(packed)
        broken = self._get(broken_key(partition))
        is_old = broken is not None and self._read_broken.decode(broken).registry != registry()
        if (folded.format, folded.log_id) != (self._format, self._log_id) or is_old:
            self.forget(partition)
            return 0
        return folded.next_offset

    def forget(self, partition: int) -> None:
        """Drop all that is folded of a partition."""
        self._db.delete_range(b"%04d" % partition, b"%04d" % (partition + 1))
        self._cache.clear()
        self._broken.pop(partition, None)

    def asset(self, partition: int, key: AssetKey) -> Asset | None:
        """Look an asset up; raises HistoryBroken, and StoreUnavailable when the disk fails."""
        if reason := self._broken_in(partition).get(key[1]):
            raise HistoryBroken(reason)
        cached = self._cache.get((partition, key))
        if cached is not None:
            self._cache.move_to_end((partition, key))
            return cached
        packed = self._get(asset_key(partition, key))
        return None if packed is None else self._loaded(self._read_kept.decode(packed))

    def remembered(self, partition: int, command_id: CommandId) -> Remembered | None:
        """Look up the reply to a client's command."""
        packed = self._get(command_key(partition, command_id))
        return None if packed is None else self._read_remembered.decode(packed)

    def is_held(self, partition: int, folder: BlobKey) -> bool:
        """Return True if an event ever referred to the bytes in a folder."""
        return self._get(held_key(partition, folder)) is not None

    def fold(self, partition: int, records: Iterable[Record]) -> None:
        """Take the next stretch of the log in.

        An event that cannot be read, or whose version does not follow the one before it, breaks the
        history of its asset: ``asset`` raises from then on, and all other assets go on.
        """
        changes, next_offset = StateChanges(), 0
        for record in records:
            next_offset = record.offset + 1
            event = event_in(record, partial(self._break, changes))
            if isinstance(event, AssetEvent) and not self._is_broken(partition, event, changes):
                self._fold_one(partition, record, event, changes)
        if next_offset:
            self.apply(partition, changes, next_offset)

    def apply(self, partition: int, changes: StateChanges, next_offset: int) -> None:
        """Write changes and the offset they reach in one step."""
        batch = WriteBatch(raw_mode=True)
        for key, asset in changes.assets.items():
            batch.put(asset_key(partition, key), self._pack(self._stored(key, asset)))
            self._cache[partition, key] = asset
            self._cache.move_to_end((partition, key))
        for command_id, remembered in changes.remembered.items():
            batch.put(command_key(partition, command_id), self._pack(remembered))
        for folder in changes.held:
            batch.put(held_key(partition, folder), b"")
        folded = FoldedOffset(self._format, self._log_id, next_offset)
        batch.put(folded_key(partition), self._pack(folded))
        if changes.broken:
            broken = self._broken_in(partition) | changes.broken
            batch.put(broken_key(partition), self._pack(BrokenHistories(registry(), broken)))
            self._broken[partition] = broken
        self._db.write(batch)
        while len(self._cache) > _CACHED_ASSETS:
            self._cache.popitem(last=False)

    def _fold_one(
        self, partition: int, record: Record, event: AssetEvent, changes: StateChanges
    ) -> None:
        key = (event.metadata.tenant_id, event.asset_id)
        before = changes.assets.get(key) or self.asset(partition, key)
        after = evolve(before, event)
        wrong = history_gap(
            before.version if before else 0, event.metadata, record_location(record)
        )
        if wrong or after is None:
            reason = (
                wrong or f"nothing begins with {type(event).__name__} at {record_location(record)}"
            )
            self._break(changes, event.metadata.entity_id, reason)
            return
        changes.assets[key] = after
        changes.held.update(referenced_folders(event))
        if event.metadata.fingerprint is not None:
            outcome = accepted(
                [event],
                position=f"{record.topic}:{partition}:{record.offset}",
                asset=snapshot(after),
            )
            changes.remembered[event.metadata.command_id] = remember(event, outcome)

    def _break(self, changes: StateChanges, entity_id: str, reason: str) -> None:
        log.critical("nothing is decided about %s any more: %s", entity_id, reason)
        changes.broken.setdefault(entity_id, reason)

    def _is_broken(self, partition: int, event: AssetEvent, changes: StateChanges) -> bool:
        entity_id = event.metadata.entity_id
        return entity_id in changes.broken or entity_id in self._broken_in(partition)

    def _broken_in(self, partition: int) -> dict[str, str]:
        known = self._broken.get(partition)
        if known is None:
            packed = self._get(broken_key(partition))
            known = {} if packed is None else dict(self._read_broken.decode(packed).reasons)
            self._broken[partition] = known
        return known

    def _get(self, key: bytes) -> bytes | None:
        try:
            return cast("bytes | None", self._db.get(key))
        except Exception as error:  # the library raises Exception itself
            raise StoreUnavailable(f"the folded state cannot be read: {error}") from error

    def _stored(self, key: AssetKey, asset: Asset) -> StoredAsset:
        fetch = asset.picture.fetch if asset.picture else None
        personal = Personal(asset.submission, asset.source, asset.description, asset.listing, fetch)
        encrypted = process_encryptor().encrypt(key, self._pack(personal), _LABEL)
        return StoredAsset(without_personal(asset), encrypted or b"")

    def _loaded(self, stored: StoredAsset) -> Asset:
        plain = process_encryptor().decrypt(stored.personal, _LABEL) if stored.personal else None
        if plain is None:
            return stored.asset
        personal = self._read_personal.decode(plain)
        picture = stored.asset.picture
        return replace(
            stored.asset,
            submission=personal.submission,
            source=personal.source,
            description=personal.description,
            listing=personal.listing,
            picture=picture and replace(picture, fetch=personal.fetch),
        )


def remember(event: Event, outcome: CommandAccepted) -> Remembered:
    """Keep an answer under the fingerprint of the request that caused it."""
    return Remembered(event.metadata.fingerprint or "", encode(outcome))


def _format() -> int:
    """Name the shape of what is stored, so that state of an older shape is read anew."""
    shapes = msgspec.json.schema_components([Asset, Personal, Remembered], ref_template="{name}")
    return zlib.crc32(msgspec.json.encode([_LAYOUT, shapes]))
