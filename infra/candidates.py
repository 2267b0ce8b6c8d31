"""Walking a tenant's assets in any state, to choose those that a bulk operation is about."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.operation.selecting import Candidate
from domain.values import AssetId, CategoryId, Status, TenantId
from infra.cql import Row
from infra.cutting import SHARDS, shard_of
from infra.live_views import LiveViews

VIEW = "assets_by_shard"

_PAGE = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AFTER = "SELECT * FROM assets_by_shard$suffix WHERE tenant_id = ? AND shard = ? AND asset_id > ?"
_ONE = "SELECT * FROM assets_by_shard$suffix WHERE tenant_id = ? AND shard = ? AND asset_id = ?"
_SLUG = "SELECT category_id, slug FROM categories$suffix WHERE tenant_id = ? AND category_id > ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Some assets in the order of the walk; ``after`` goes on behind them, "" at the end."""

    candidates: Sequence[Candidate]
    after: str


class Candidates:
    """Assets as the views show them: a hint, a moment old.

    A walk visits every asset that was there before it began exactly once, whatever changes on the
    way; a place stays good for ever. Raises StoreUnavailable, ViewsMissing, ViewNotBuilt.
    """

    def __init__(self, views: LiveViews) -> None:
        self._views = views

    async def stretch(self, tenant_id: TenantId, after: str = "") -> Stretch:
        """Give the next assets behind a place that an earlier stretch told."""
        number, _, seen = after.partition("/")
        shard = int(number or 0)
        key = (tenant_id, shard, seen)
        rows = await self._views.select(VIEW, _AFTER, key, at_most=_PAGE)
        found = [candidate for row in rows if (candidate := _candidate(row))]
        if len(rows) == _PAGE:
            return Stretch(candidates=found, after=f"{shard}/{rows[-1]['asset_id']}")
        return Stretch(candidates=found, after=f"{shard + 1}/" if shard + 1 < SHARDS else "")

    async def walk(self, tenant_id: TenantId) -> AsyncIterator[Candidate]:
        """Visit all of a tenant's assets."""
        after = ""
        while True:
            stretch = await self.stretch(tenant_id, after)
            for candidate in stretch.candidates:
                yield candidate
            after = stretch.after
            if not after:
                return

    async def named(
        self, tenant_id: TenantId, asset_ids: Sequence[AssetId]
    ) -> AsyncIterator[Candidate]:
        """Visit these assets; one that is not there is passed over."""
        for asset_id in asset_ids:
            key = (tenant_id, shard_of(asset_id), asset_id)
            for row in await self._views.select(VIEW, _ONE, key):
                if candidate := _candidate(row):
                    yield candidate

    async def categories(self, tenant_id: TenantId) -> dict[str, CategoryId]:
        """Name all categories by their slugs, and by their ids."""
        found: dict[str, CategoryId] = {}
        seen = ""
        while True:
            rows = await self._views.select("categories", _SLUG, (tenant_id, seen), at_most=_PAGE)
            for row in rows:
                seen = row["category_id"]
                found[row["slug"]] = found[seen] = CategoryId(seen)
            if len(rows) < _PAGE:
                return found


def _candidate(row: Row) -> Candidate | None:
    """Read a row; one whose first event is not applied yet tells too little."""
    if row["status"] is None or row["created_at_us"] is None:
        return None
    return Candidate(
        asset_id=AssetId(row["asset_id"]),
        status=Status(row["status"]),
        category_ids=tuple(row["category_ids"] or ()),
        tags=tuple(row["tags"] or ()),
        created_at=_EPOCH + timedelta(microseconds=row["created_at_us"]),
        pipeline_version=row["pipeline_version"] or 0,
        original_bytes=row["original_bytes"] or 0,
    )
