"""The source and the erasure of single assets, as the view asset_by_id shows them."""

from domain.values import AssetId, TenantId
from infra.cassandra.session import Row
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.view_reader import ViewReader

_SELECT_ASSET = (
    "SELECT source_url, erased_at_us FROM asset_by_id$suffix WHERE tenant_id = ? AND asset_id = ?"
)


class AssetViewLookup:
    """Looks assets up; raises StoreUnavailable, ViewsMissing, ViewNotBuilt, KeysLost."""

    def __init__(self, views: ViewReader) -> None:
        self._views = views

    async def source_url(self, tenant_id: TenantId, asset_id: AssetId) -> str:
        """Return the URL that an asset was downloaded from; "" for an upload."""
        row = await self._row(tenant_id, asset_id)
        return str(row["source_url"] or "") if row else ""

    async def is_erased(self, tenant_id: TenantId, asset_id: AssetId) -> bool:
        """Return True if the log confirms that nothing personal is left of an asset."""
        row = await self._row(tenant_id, asset_id)
        return bool(row and row["erased_at_us"])

    async def _row(self, tenant_id: TenantId, asset_id: AssetId) -> Row | None:
        rows = await self._views.select(ASSET_BY_ID, _SELECT_ASSET, (tenant_id, asset_id))
        return rows[0] if rows else None
