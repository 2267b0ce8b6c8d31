"""Finding assets whose perceptual hash shares a quarter with another one."""

import asyncio

from domain.values import TenantId
from infra.cassandra.session import Row
from read_models.similar_assets.projection import SIMILAR_ASSETS, quarters_of
from read_models.view_reader import ViewReader

_MAX_IN_QUARTER = 1_000
_SIMILAR = (
    "SELECT asset_id, perceptual_hash FROM similar_assets$suffix"
    " WHERE tenant_id = ? AND place = ? AND quarter = ?"
)


async def similar_assets(views: ViewReader, tenant_id: TenantId, perceptual_hash: str) -> list[Row]:
    """List ids and hashes of assets that ever shared a quarter of this hash.

    At most a thousand for each quarter.
    """
    quarters = [
        views.select(SIMILAR_ASSETS, _SIMILAR, (tenant_id, *each), at_most=_MAX_IN_QUARTER)
        for each in quarters_of(perceptual_hash)
    ]
    return [row for rows in await asyncio.gather(*quarters) for row in rows]
