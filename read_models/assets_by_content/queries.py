"""Finding published assets that have the very same bytes."""

from domain.values import AssetId, Sha256, TenantId
from infra.cassandra.session import Row
from read_models.asset_by_id.queries import original_of, published_assets
from read_models.assets_by_content.projection import ASSETS_BY_CONTENT
from read_models.keyset import sort_key
from read_models.view_reader import ViewReader

_MAX_CANDIDATES = 100
_SAME_BYTES = "SELECT asset_id FROM assets_by_content$suffix WHERE tenant_id = ? AND sha256 = ?"


async def exact_duplicates(
    views: ViewReader,
    tenant_id: TenantId,
    asset_id: AssetId,
    sha256: Sha256,
    *,
    with_description: bool = True,
) -> list[Row]:
    """List the other published assets whose original has these bytes, the oldest first.

    This view names the assets that were last published with them, of which a hundred are looked
    at; ``asset_by_id`` tells which still are. See ``published_assets`` for ``with_description``.
    """
    rows = await views.select(
        ASSETS_BY_CONTENT, _SAME_BYTES, (tenant_id, sha256), at_most=_MAX_CANDIDATES + 1
    )
    others = [each["asset_id"] for each in rows if each["asset_id"] != asset_id]
    published = await published_assets(
        views, tenant_id, others[:_MAX_CANDIDATES], with_description=with_description
    )
    return sorted((row for row in published if sha256_of(row) == sha256), key=sort_key)


def sha256_of(row: Row) -> Sha256 | None:
    """Name the bytes of an asset's original, if it has one."""
    original = original_of(row)
    return original.sha256 if original else None
