"""Scanning a tenant's assets in any state, to choose those that a bulk operation is about."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from domain.bulk_operation.selection import Candidate
from domain.category import Catalogue
from domain.values import AssetId, Status, TenantId
from infra.cassandra.session import Row
from read_models.assets_by_shard.projection import ASSETS_BY_SHARD
from read_models.categories.queries import read_catalogue
from read_models.sharding import SHARDS, shard_of
from read_models.time import moment
from read_models.view_reader import ViewReader

_PAGE = 1_000
_AFTER = "SELECT * FROM assets_by_shard$suffix WHERE tenant_id = ? AND shard = ? AND asset_id > ?"
_ONE = "SELECT * FROM assets_by_shard$suffix WHERE tenant_id = ? AND shard = ? AND asset_id = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetScanPage:
    """Some assets in the order of the scan; ``after`` continues behind them, "" at the end."""

    candidates: Sequence[Candidate]
    after: str


class AssetScan:
    """Assets as the views show them: a hint, a moment old.

    A scan yields every asset that was there before it began exactly once, whatever changes
    meanwhile; an ``after`` stays valid for ever.

    Raises StoreUnavailable, ViewsMissing, ViewNotBuilt.
    """

    def __init__(self, views: ViewReader) -> None:
        self._views = views

    async def page(self, tenant_id: TenantId, after: str = "") -> AssetScanPage:
        """Read the page that follows the one which gave this ``after``."""
        number, _, seen = after.partition("/")
        shard = int(number or 0)
        key = (tenant_id, shard, seen)
        rows = await self._views.select(ASSETS_BY_SHARD, _AFTER, key, at_most=_PAGE)
        found = [candidate for row in rows if (candidate := candidate_of(row))]
        if len(rows) == _PAGE:
            return AssetScanPage(candidates=found, after=f"{shard}/{rows[-1]['asset_id']}")
        return AssetScanPage(candidates=found, after=f"{shard + 1}/" if shard + 1 < SHARDS else "")

    async def scan(self, tenant_id: TenantId) -> AsyncIterator[Candidate]:
        """Yield all of a tenant's assets."""
        after = ""
        while True:
            page = await self.page(tenant_id, after)
            for candidate in page.candidates:
                yield candidate
            after = page.after
            if not after:
                return

    async def named(
        self, tenant_id: TenantId, asset_ids: Sequence[AssetId]
    ) -> AsyncIterator[Candidate]:
        """Yield these assets, except those that are not there."""
        for asset_id in asset_ids:
            key = (tenant_id, shard_of(asset_id), asset_id)
            for row in await self._views.select(ASSETS_BY_SHARD, _ONE, key):
                if candidate := candidate_of(row):
                    yield candidate

    async def catalogue(self, tenant_id: TenantId) -> Catalogue:
        """Read a tenant's category tree, archived categories included."""
        return await read_catalogue(self._views, tenant_id)


def candidate_of(row: Row) -> Candidate | None:
    """Read a row; one whose first event is not applied yet tells too little."""
    if row["status"] is None or row["created_at_us"] is None:
        return None
    return Candidate(
        asset_id=AssetId(row["asset_id"]),
        status=Status(row["status"]),
        category_ids=tuple(row["category_ids"] or ()),
        tags=tuple(row["tags"] or ()),
        created_at=moment(row["created_at_us"]),
        pipeline_version=row["pipeline_version"] or 0,
        original_bytes=row["original_bytes"] or 0,
        has_url=bool(row["has_url"]),
    )
