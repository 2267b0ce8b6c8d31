"""What the views tell an erasure about single assets, and whether they know all there is."""

import asyncio
from collections.abc import Callable

from domain.errors import UnknownCategory
from domain.values import AssetId, CategoryRef, TenantId
from infra.cassandra.session import Row
from infra.kafka.client import Kafka
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.assets_by_shard.projection import ASSETS_BY_SHARD
from read_models.assets_by_shard.queries import AssetScan
from read_models.view_reader import ViewReader
from streams.bulk_operations.view_barrier import ViewBarrier

_SELECT_ASSET = (
    "SELECT source_url, erased_at_us FROM asset_by_id$suffix WHERE tenant_id = ? AND asset_id = ?"
)
_POLL_SECONDS = 0.2
_SILENT_POLLS = 50


class AssetViewLookup:
    """Looks assets up; raises StoreUnavailable, ViewsMissing, ViewNotBuilt, KeysLost."""

    def __init__(self, views: ViewReader) -> None:
        self._views = views

    async def source_url(self, tenant_id: TenantId, asset_id: AssetId) -> str:
        """Say where it was downloaded from; "" for an upload."""
        row = await self._row(tenant_id, asset_id)
        return str(row["source_url"] or "") if row else ""

    async def is_erased(self, tenant_id: TenantId, asset_id: AssetId) -> bool:
        """Tell whether the log confirms that nothing personal is left."""
        row = await self._row(tenant_id, asset_id)
        return bool(row and row["erased_at_us"])

    async def _row(self, tenant_id: TenantId, asset_id: AssetId) -> Row | None:
        rows = await self._views.select(ASSET_BY_ID, _SELECT_ASSET, (tenant_id, asset_id))
        return rows[0] if rows else None


async def caught_up(kafka: Kafka, views: ViewReader, on_silence: Callable[[], None]) -> None:
    """Wait until the views know what came of every command that was sent before.

    ``on_silence`` is called once for each view that keeps the caller waiting for long. Raises
    BrokerUnavailable, StoreUnavailable, ViewsMissing, ViewNotBuilt.
    """
    for view in (ASSETS_BY_SHARD, ASSET_BY_ID):
        barrier = ViewBarrier(kafka, views, view)
        looks = 0
        while not await barrier.is_open():
            looks += 1
            if looks == _SILENT_POLLS:
                on_silence()
            await asyncio.sleep(_POLL_SECONDS)


async def category_id(
    scan: AssetScan, tenant_id: TenantId, typed: str | None
) -> CategoryRef | None:
    """Name a category by its id; raises UnknownCategory."""
    if typed is None:
        return None
    found = (await scan.catalogue(tenant_id)).find(CategoryRef(typed))
    if found is None:
        raise UnknownCategory(f"{tenant_id} has no category {typed}", {"categories": typed})
    return CategoryRef(found.category_id)
