"""Finding single assets by their id, in any state."""

import asyncio
from collections.abc import Iterable

import msgspec

from domain.values import AssetId, Original, Status, TenantId
from infra.cassandra.session import Row
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.view_reader import ViewReader

_ASSET = "SELECT * FROM asset_by_id$suffix WHERE tenant_id = ? AND asset_id = ?"
_PICTURE = (
    "SELECT asset_id, status, created_at_us, original FROM asset_by_id$suffix"
    " WHERE tenant_id = ? AND asset_id = ?"
)
_SOURCE = (
    "SELECT source_url, erased_at_us FROM asset_by_id$suffix WHERE tenant_id = ? AND asset_id = ?"
)
_READ_ORIGINAL = msgspec.json.Decoder(Original | None).decode


async def find_asset(views: ViewReader, tenant_id: TenantId, asset_id: AssetId) -> Row | None:
    """Find an asset in any state."""
    rows = await views.select(ASSET_BY_ID, _ASSET, (tenant_id, asset_id))
    return rows[0] if rows else None


async def find_source(views: ViewReader, tenant_id: TenantId, asset_id: AssetId) -> Row | None:
    """Find where an asset came from, and since when nothing personal is left of it."""
    rows = await views.select(ASSET_BY_ID, _SOURCE, (tenant_id, asset_id))
    return rows[0] if rows else None


async def published_assets(
    views: ViewReader,
    tenant_id: TenantId,
    asset_ids: Iterable[AssetId],
    *,
    with_description: bool = True,
) -> list[Row]:
    """Find those of these assets that are published.

    Without their descriptions rows have ``asset_id``, ``status``, ``created_at_us`` and
    ``original``: nothing personal, which a key would be needed for.
    """
    statement = _ASSET if with_description else _PICTURE
    found = await asyncio.gather(
        *(views.select(ASSET_BY_ID, statement, (tenant_id, each)) for each in asset_ids)
    )
    return [row for rows in found for row in rows if row["status"] == Status.PUBLISHED]


def original_of(row: Row) -> Original | None:
    """Read the original of an asset; None if it was never published, or was purged."""
    return _READ_ORIGINAL(row["original"] or "null")
