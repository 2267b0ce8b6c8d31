"""The questions as CQL."""

import asyncio
from collections.abc import Callable, Mapping

from domain.values import AssetId, CategoryId, CommandId, OperationId, Sha256, Status, TenantId
from infra.cassandra.session import Row
from query_api.queries import quarters_of
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.asset_history.projection import ASSET_HISTORY
from read_models.assets_by_category.projection import ASSETS_BY_CATEGORY
from read_models.assets_by_content.projection import ASSETS_BY_CONTENT
from read_models.assets_by_date.projection import ASSETS_BY_DATE
from read_models.categories.projection import CATEGORIES
from read_models.categories_as_of.projection import CATEGORIES_AS_OF
from read_models.commands.projection import COMMANDS
from read_models.consistency_results import ALL_RESULTS, ConsistencyResult, result_of
from read_models.generation_status import GenerationStatus, generation_statuses
from read_models.keyset import KeyRange, SortOrder
from read_models.listings_as_of.projection import LISTINGS_AS_OF
from read_models.maintenance_tasks import ONE_TASK, MaintenanceTask, task_of
from read_models.operation_items.projection import OPERATION_ITEMS
from read_models.operations.projection import OPERATIONS
from read_models.public_assets.projection import PUBLIC_ASSETS
from read_models.public_assets.queries import PublicAsset, decode_renditions
from read_models.sharding import bucket_of
from read_models.similar_assets.projection import SIMILAR_ASSETS
from read_models.view import View
from read_models.view_reader import ViewReader

_AT_ONCE = 1_000
_ALL_BUCKETS = 20_000  # more than fifty years of days
_ASSET = "SELECT * FROM asset_by_id$suffix WHERE tenant_id = ? AND asset_id = ?"
_HISTORY = (
    "SELECT * FROM asset_history$suffix WHERE tenant_id = ? AND asset_id = ? AND entity_version > ?"
)
_SAME_BYTES = "SELECT asset_id FROM assets_by_content$suffix WHERE tenant_id = ? AND sha256 = ?"
_SIMILAR = (
    "SELECT asset_id, perceptual_hash FROM similar_assets$suffix"
    " WHERE tenant_id = ? AND place = ? AND quarter = ?"
)
_PUBLIC = (
    "SELECT tenant_id, status, renditions, leads_to FROM public_assets$suffix WHERE asset_id = ?"
)
_COMMAND = "SELECT * FROM commands$suffix WHERE tenant_id = ? AND command_id = ? LIMIT 1"
_OPERATIONS = "SELECT * FROM operations$suffix WHERE tenant_id = ? AND operation_id > ?"
_OPERATION = "SELECT * FROM operations$suffix WHERE tenant_id = ? AND operation_id = ?"
_OPERATION_ITEMS = (
    "SELECT * FROM operation_items$suffix"
    " WHERE tenant_id = ? AND operation_id = ? AND bucket = ? AND place > ? LIMIT ?"
)
_CATEGORIES = "SELECT * FROM categories$suffix WHERE tenant_id = ? AND category_id > ?"
_MONTHS = "SELECT bucket FROM category_buckets$suffix WHERE tenant_id = ? AND category_id = ?"
_DAYS = "SELECT day FROM date_buckets$suffix WHERE tenant_id = ?"
_ITEMS = (
    "SELECT asset_id, created_at_us, title, alt_text, media_type, width, height, thumbhash,"
    " dominant_colour, thumbnail_sha256, category_ids FROM "
)
_WITHIN = " AND (created_at_us, asset_id) > (?, ?) AND (created_at_us, asset_id) < (?, ?)"
_ORDERED: Mapping[SortOrder, str] = {
    "asc": " ORDER BY created_at_us ASC, asset_id ASC LIMIT ?",
    "desc": " ORDER BY created_at_us DESC, asset_id DESC LIMIT ?",
}
_OF_MONTH = (
    f"{_ITEMS}assets_by_category$suffix WHERE tenant_id = ? AND category_id = ? AND bucket = ?"
    f"{_WITHIN}"
)
_OF_DAY = f"{_ITEMS}assets_by_date$suffix WHERE tenant_id = ? AND day = ?{_WITHIN}"
_BUCKETS_AS_OF = "SELECT bucket FROM listing_buckets_as_of$suffix WHERE tenant_id = ? AND shelf = ?"
# Both are filtered within one partition.
_SHOWN_AS_OF = (
    f"{_ITEMS}listings_as_of$suffix WHERE tenant_id = ? AND shelf = ? AND bucket = ?"
    f"{_WITHIN} AND valid_from_us <= ? AND valid_to_us > ?"
)
_ASPECTS_AS_OF = (
    "SELECT category_id, aspect, value, version FROM categories_as_of$suffix WHERE tenant_id = ?"
    " AND (category_id, aspect) > (?, ?) AND valid_from_us <= ?"
    " GROUP BY category_id, aspect ALLOW FILTERING"  # the first of each group is the latest
)


class CassandraQueries:
    """Queries to Cassandra; each reads one partition."""

    def __init__(self, views: ViewReader) -> None:
        self._views = views

    async def asset(self, tenant_id: TenantId, asset_id: AssetId) -> Row | None:
        """Find an asset in any state."""
        rows = await self._views.select(ASSET_BY_ID, _ASSET, (tenant_id, asset_id))
        return rows[0] if rows else None

    async def history(self, tenant_id: TenantId, asset_id: AssetId) -> list[Row]:
        """List every event of an asset, the first one first."""
        events: list[Row] = []
        while True:
            seen = events[-1]["entity_version"] if events else 0
            key = (tenant_id, asset_id, seen)
            more = await self._views.select(ASSET_HISTORY, _HISTORY, key, at_most=_AT_ONCE)
            events.extend(more)
            if len(more) < _AT_ONCE:
                return events

    async def same_bytes(self, tenant_id: TenantId, sha256: Sha256) -> list[AssetId]:
        """Name assets that were ever published with these bytes."""
        rows = await self._views.select(
            ASSETS_BY_CONTENT, _SAME_BYTES, (tenant_id, sha256), at_most=_AT_ONCE
        )
        return [AssetId(row["asset_id"]) for row in rows]

    async def similar(self, tenant_id: TenantId, perceptual_hash: str) -> list[Row]:
        """Give ids and hashes of assets that ever shared a quarter of this hash."""
        quarters = [
            self._views.select(SIMILAR_ASSETS, _SIMILAR, (tenant_id, *each), at_most=_AT_ONCE)
            for each in enumerate(quarters_of(perceptual_hash))
        ]
        return [row for rows in await asyncio.gather(*quarters) for row in rows]

    async def public_asset(self, asset_id: AssetId) -> PublicAsset | None:
        """Find what the public may see of an asset."""
        rows = await self._views.select(PUBLIC_ASSETS, _PUBLIC, (asset_id,))
        if not rows:
            return None
        return PublicAsset(
            asset_id=asset_id,
            tenant_id=rows[0]["tenant_id"],
            status=Status(rows[0]["status"]),
            renditions=decode_renditions(rows[0]["renditions"]),
            leads_to=rows[0]["leads_to"] or None,
        )

    async def command(self, tenant_id: TenantId, command_id: CommandId) -> Row | None:
        """Find what became of a command: of several answers the one that counts."""
        rows = await self._views.select(COMMANDS, _COMMAND, (tenant_id, command_id))
        return rows[0] if rows else None

    async def operations(self, tenant_id: TenantId) -> list[Row]:
        """List all bulk operations of a tenant."""
        return await self._all_of(
            OPERATIONS,
            _OPERATIONS,
            lambda last: (tenant_id, last["operation_id"] if last else ""),
        )

    async def operation(self, tenant_id: TenantId, operation_id: OperationId) -> Row | None:
        """Find a bulk operation."""
        rows = await self._views.select(OPERATIONS, _OPERATION, (tenant_id, operation_id))
        return rows[0] if rows else None

    async def operation_items(
        self, tenant_id: TenantId, operation_id: OperationId, after: int, limit: int
    ) -> list[Row]:
        """List the first items of an operation behind a place, in order; within one bucket."""
        key = (tenant_id, operation_id, bucket_of(after + 1), after, limit)
        return await self._views.select(OPERATION_ITEMS, _OPERATION_ITEMS, key)

    async def categories(self, tenant_id: TenantId) -> list[Row]:
        """List all categories of a tenant, archived ones too."""
        return await self._all_of(
            CATEGORIES,
            _CATEGORIES,
            lambda last: (tenant_id, last["category_id"] if last else ""),
        )

    async def categories_as_of(self, tenant_id: TenantId, at_us: int) -> list[Row]:
        """Give the value that each aspect of each category had."""
        return await self._all_of(
            CATEGORIES_AS_OF,
            _ASPECTS_AS_OF,
            lambda last: (
                (tenant_id, last["category_id"], last["aspect"], at_us)
                if last
                else (tenant_id, "", "", at_us)
            ),
        )

    async def generation(self, view: View) -> int:
        """Tell which generation of a view is read."""
        return await self._views.generation(view)

    async def months(
        self, tenant_id: TenantId, category_id: CategoryId, generation: int
    ) -> list[str]:
        """Name the months in which a category has, or had, assets."""
        rows = await self._views.select(
            ASSETS_BY_CATEGORY,
            _MONTHS,
            (tenant_id, category_id),
            at_most=_ALL_BUCKETS,
            generation=generation,
        )
        return [row["bucket"] for row in rows]

    async def days(self, tenant_id: TenantId, generation: int) -> list[str]:
        """Name the days on which a tenant has, or had, assets."""
        rows = await self._views.select(
            ASSETS_BY_DATE, _DAYS, (tenant_id,), at_most=_ALL_BUCKETS, generation=generation
        )
        return [row["day"] for row in rows]

    async def of_month(
        self,
        tenant_id: TenantId,
        category_id: CategoryId,
        month: str,
        span: KeyRange,
        order: SortOrder,
        limit: int,
        generation: int,
    ) -> list[Row]:
        """List the first assets that a category has of one month within the span."""
        parameters = (tenant_id, category_id, month, *span.after, *span.before, limit)
        return await self._views.select(
            ASSETS_BY_CATEGORY, _OF_MONTH + _ORDERED[order], parameters, generation=generation
        )

    async def of_day(
        self,
        tenant_id: TenantId,
        day: str,
        span: KeyRange,
        order: SortOrder,
        limit: int,
        generation: int,
    ) -> list[Row]:
        """List the first assets that a tenant has of one day within the span."""
        parameters = (tenant_id, day, *span.after, *span.before, limit)
        return await self._views.select(
            ASSETS_BY_DATE, _OF_DAY + _ORDERED[order], parameters, generation=generation
        )

    async def consistency(self) -> list[ConsistencyResult]:
        """Tell what the last check of each view against the log came to."""
        return sorted(
            map(result_of, await self._views.cql.select(ALL_RESULTS)), key=lambda each: each.view
        )

    async def generations(self) -> list[GenerationStatus]:
        """Give every generation of a view that was not dropped, by view and number."""
        return await generation_statuses(self._views.cql)

    async def request(self, request_id: str) -> MaintenanceTask | None:
        """Find what an operator asked for in the last seven days."""
        rows = await self._views.cql.select(ONE_TASK, (request_id,))
        return task_of(rows[0]) if rows else None

    async def buckets_as_of(
        self, tenant_id: TenantId, listing_key: str, generation: int
    ) -> list[str]:
        """Name the buckets in which a shelf has, or had, assets."""
        rows = await self._views.select(
            LISTINGS_AS_OF,
            _BUCKETS_AS_OF,
            (tenant_id, listing_key),
            at_most=_ALL_BUCKETS,
            generation=generation,
        )
        return [row["bucket"] for row in rows]

    async def shown_as_of(
        self,
        at_us: int,
        tenant_id: TenantId,
        listing_key: str,
        bucket: str,
        span: KeyRange,
        order: SortOrder,
        limit: int,
        generation: int,
    ) -> list[Row]:
        """List the first assets that a shelf had in a bucket within the span, at that moment."""
        place = (tenant_id, listing_key, bucket, *span.after, *span.before, at_us, at_us, limit)
        return await self._views.select(
            LISTINGS_AS_OF,
            f"{_SHOWN_AS_OF}{_ORDERED[order]} ALLOW FILTERING",
            place,
            generation=generation,
        )

    async def applied_offsets(self, view: View) -> Mapping[int, int]:
        """Tell the next offset that a view will apply of each partition of its topic."""
        return await self._views.applied_offsets(view)

    async def check(self) -> None:
        """Return when all of the above can be answered."""
        await self._views.check()

    async def _all_of(
        self, view: View, statement: str, key_behind: Callable[[Row | None], tuple[object, ...]]
    ) -> list[Row]:
        """Select all rows, some at a time, each time those behind the last one."""
        found: list[Row] = []
        while True:
            key = key_behind(found[-1] if found else None)
            more = await self._views.select(view, statement, key, at_most=_AT_ONCE)
            found.extend(more)
            if len(more) < _AT_ONCE:
                return found
