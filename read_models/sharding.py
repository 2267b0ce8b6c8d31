"""Partitions of rows that nothing else arranges; what is here never changes, for rows lie so."""

from zlib import crc32

from domain.values import AssetId

SHARDS = 64
ITEMS_PER_BUCKET = 1_000


def shard_of(asset_id: AssetId, shards: int = SHARDS) -> int:
    """Return the shard of an asset: of its tenant's assets, unless ``shards`` says otherwise."""
    return crc32(asset_id.encode()) % shards


def bucket_of(place: int) -> int:
    """Return the bucket of an operation's items that a place is in."""
    return place // ITEMS_PER_BUCKET
