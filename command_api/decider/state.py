"""What the events say now, folded to disk so that a restart reads only the tail.

One RocksDB per process holds, for each partition of asset-events, the assets, the outcomes of
clients' commands and the offset up to which both are folded. All of it may be deleted at any time.
What is personal is sealed, so that a destroyed key takes it from here as well.
Memory is bounded by the cache, not by the number of assets.
"""

import zlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import msgspec
from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch

from avro_schemas.codec import decode, encode
from avro_schemas.sealing import sealer
from domain.asset import Asset, evolve, snapshot
from domain.events import AssetEvent, Event
from domain.outcomes import CommandAccepted
from domain.telling import accepted
from domain.values import (
    NO_DESCRIPTION,
    NO_SOURCE,
    AssetId,
    CommandId,
    Description,
    Fetch,
    Listing,
    Source,
    TenantId,
)
from infra.reading import Record

_CACHED_ASSETS = 20_000
_LABEL = "asset"
_BLOCK_CACHE_BYTES = 64 * 1024 * 1024
_WRITE_BUFFER_BYTES = 16 * 1024 * 1024

AssetKey = tuple[TenantId, AssetId]


class Remembered(msgspec.Struct, frozen=True, array_like=True):
    """A command that took effect: what was asked, and the framed answer."""

    fingerprint: str
    outcome: bytes


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """An asset as it lies on disk: without what is personal, and that sealed."""

    asset: Asset
    personal: bytes


class Personal(msgspec.Struct, frozen=True, array_like=True):
    """What is personal about an asset."""

    submission: tuple[Source, Description, str]
    source: Source
    description: Description
    listing: Listing | None
    fetch: Fetch | None


class Folded(msgspec.Struct, frozen=True, array_like=True):
    """How far a partition is folded, and of which log."""

    format: int
    log_id: str
    next_offset: int


class Changes:
    """What one batch of commands, or a stretch of the log, changes in one partition."""

    def __init__(self) -> None:
        self.assets: dict[AssetKey, Asset] = {}
        self.remembered: dict[CommandId, Remembered] = {}


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
        self._read_kept = msgspec.msgpack.Decoder(Kept)
        self._read_personal = msgspec.msgpack.Decoder(Personal)
        self._read_remembered = msgspec.msgpack.Decoder(Remembered)
        self._read_folded = msgspec.msgpack.Decoder(Folded)
        self._pack = msgspec.msgpack.Encoder().encode

    def close(self) -> None:
        """Write everything out and let go of the directory."""
        self._db.close()

    def next_offset(self, partition: int) -> int:
        """Give the first offset of the events that is not folded yet."""
        packed = self._db.get(_folded_key(partition))
        if packed is None:
            return 0
        folded = self._read_folded.decode(packed)
        if (folded.format, folded.log_id) != (self._format, self._log_id):
            self.forget(partition)
            return 0
        return folded.next_offset

    def forget(self, partition: int) -> None:
        """Drop all that is folded of a partition."""
        self._db.delete_range(b"%04d" % partition, b"%04d" % (partition + 1))
        self._cache.clear()

    def asset(self, partition: int, key: AssetKey) -> Asset | None:
        """Look an asset up."""
        cached = self._cache.get((partition, key))
        if cached is not None:
            self._cache.move_to_end((partition, key))
            return cached
        packed = self._db.get(_asset_key(partition, key))
        return None if packed is None else self._opened(self._read_kept.decode(packed))

    def remembered(self, partition: int, command_id: CommandId) -> Remembered | None:
        """Look up what a client's command was answered."""
        packed = self._db.get(_command_key(partition, command_id))
        return None if packed is None else self._read_remembered.decode(packed)

    def fold(self, partition: int, records: Iterable[Record]) -> None:
        """Take a stretch of the log in; what is folded already changes nothing."""
        changes, next_offset = Changes(), 0
        for record in records:
            event = decode(record.value)
            next_offset = record.offset + 1
            if isinstance(event, AssetEvent):
                self._fold_one(partition, record, event, changes)
        if next_offset:
            self.apply(partition, changes, next_offset)

    def apply(self, partition: int, changes: Changes, next_offset: int) -> None:
        """Write changes and the offset they reach in one step."""
        batch = WriteBatch(raw_mode=True)
        for key, asset in changes.assets.items():
            batch.put(_asset_key(partition, key), self._pack(self._sealed(key, asset)))
            self._cache[partition, key] = asset
            self._cache.move_to_end((partition, key))
        for command_id, remembered in changes.remembered.items():
            batch.put(_command_key(partition, command_id), self._pack(remembered))
        folded = Folded(self._format, self._log_id, next_offset)
        batch.put(_folded_key(partition), self._pack(folded))
        self._db.write(batch)
        while len(self._cache) > _CACHED_ASSETS:
            self._cache.popitem(last=False)

    def _fold_one(
        self, partition: int, record: Record, event: AssetEvent, changes: Changes
    ) -> None:
        key = (event.metadata.tenant_id, event.asset_id)
        before = changes.assets.get(key) or self.asset(partition, key)
        after = evolve(before, event)
        if after is None or (before and event.metadata.entity_version <= before.version):
            return
        changes.assets[key] = after
        if event.metadata.fingerprint is not None:
            outcome = accepted(
                [event],
                position=f"{record.topic}:{partition}:{record.offset}",
                asset=snapshot(after),
            )
            changes.remembered[event.metadata.command_id] = remember(event, outcome)

    def _sealed(self, key: AssetKey, asset: Asset) -> Kept:
        fetch = asset.picture.fetch if asset.picture else None
        personal = Personal(asset.submission, asset.source, asset.description, asset.listing, fetch)
        sealed = sealer().seal(key, self._pack(personal), _LABEL)
        return Kept(_without_personal(asset), sealed or b"")

    def _opened(self, kept: Kept) -> Asset:
        plain = sealer().open(kept.personal, _LABEL) if kept.personal else None
        if plain is None:
            return kept.asset
        personal = self._read_personal.decode(plain)
        picture = kept.asset.picture
        return replace(
            kept.asset,
            submission=personal.submission,
            source=personal.source,
            description=personal.description,
            listing=personal.listing,
            picture=picture and replace(picture, fetch=personal.fetch),
        )


def _without_personal(asset: Asset) -> Asset:
    return replace(
        asset,
        submission=(NO_SOURCE, NO_DESCRIPTION, asset.preset),
        source=NO_SOURCE,
        description=NO_DESCRIPTION,
        listing=None,
        picture=asset.picture and replace(asset.picture, fetch=None),
    )


def remember(event: Event, outcome: CommandAccepted) -> Remembered:
    """Keep an answer under the fingerprint of the request that caused it."""
    return Remembered(event.metadata.fingerprint or "", encode(outcome))


def _format() -> int:
    """Name the shape of what is stored, so that state of an older shape is read anew."""
    shapes = msgspec.json.schema_components([Asset, Personal, Remembered], ref_template="{name}")
    return zlib.crc32(msgspec.json.encode(shapes))


def _folded_key(partition: int) -> bytes:
    return b"%04d=" % partition


def _asset_key(partition: int, key: AssetKey) -> bytes:
    return b"%04da%s\x00%s" % (partition, key[0].encode(), key[1].encode())


def _command_key(partition: int, command_id: CommandId) -> bytes:
    return b"%04dc%s" % (partition, command_id.encode())
