"""How rows are cut into partitions where nothing else arranges them; never changes, they lie so."""

from zlib import crc32

from domain.values import AssetId

SHARDS = 64
ITEMS_PER_BUCKET = 1_000


def shard_of(asset_id: AssetId) -> int:
    """Say which shard of its tenant's assets an asset lies in."""
    return crc32(asset_id.encode()) % SHARDS


def bucket_of(place: int) -> int:
    """Say which bucket of its operation's items a place lies in."""
    return place // ITEMS_PER_BUCKET
