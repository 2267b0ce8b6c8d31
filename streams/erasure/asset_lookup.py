"""The source and the erasure of single assets, as the view asset_by_id shows them."""

from domain.values import AssetId, TenantId
from read_models.asset_by_id.queries import find_source
from read_models.view_reader import ViewReader


class AssetViewLookup:
    """Looks assets up; raises StoreUnavailable, ViewsMissing, ViewNotBuilt, KeysLost."""

    def __init__(self, views: ViewReader) -> None:
        self._views = views

    async def source_url(self, tenant_id: TenantId, asset_id: AssetId) -> str:
        """Return the URL that an asset was downloaded from; "" for an upload."""
        row = await find_source(self._views, tenant_id, asset_id)
        return str(row["source_url"] or "") if row else ""

    async def is_erased(self, tenant_id: TenantId, asset_id: AssetId) -> bool:
        """Return True if the log confirms that nothing personal is left of an asset."""
        row = await find_source(self._views, tenant_id, asset_id)
        return bool(row and row["erased_at_us"])
