"""Every question that an answer needs to ask."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from domain.values import AssetId, CategoryId, CommandId, OperationId, Sha256, TenantId
from infra.cassandra.session import Row
from read_models.consistency_results import ConsistencyResult
from read_models.generation_status import GenerationStatus
from read_models.keyset import KeyRange, SortOrder
from read_models.maintenance_tasks import MaintenanceTask
from read_models.public_assets.queries import PublicAsset
from read_models.view import View


def quarters_of(perceptual_hash: str) -> list[str]:
    """Cut a hash as the view ``similar_assets`` does."""
    return [perceptual_hash[start : start + 4] for start in range(0, len(perceptual_hash), 4)]


class Queries(Protocol):
    """What the views know, row by row as their ``.cql`` files describe it.

    Each answer is at least as recent as what ``applied_offsets`` told before. Every method raises
    StoreUnavailable when the store does not answer, and ViewsMissing before the first build.
    """

    async def asset(self, tenant_id: TenantId, asset_id: AssetId) -> Row | None:
        """Find an asset in any state."""

    async def history(self, tenant_id: TenantId, asset_id: AssetId) -> Sequence[Row]:
        """List every event of an asset, the first one first."""

    async def same_bytes(self, tenant_id: TenantId, sha256: Sha256) -> Sequence[AssetId]:
        """Name assets that were ever published with these bytes; at most a thousand."""

    async def similar(self, tenant_id: TenantId, perceptual_hash: str) -> Sequence[Row]:
        """Give ids and hashes of assets that ever shared a quarter of this hash.

        At most a thousand for each quarter.
        """

    async def public_asset(self, asset_id: AssetId) -> PublicAsset | None:
        """Find what the public may see of an asset."""

    async def command(self, tenant_id: TenantId, command_id: CommandId) -> Row | None:
        """Find what became of a command."""

    async def operations(self, tenant_id: TenantId) -> Sequence[Row]:
        """List all bulk operations of a tenant."""

    async def operation(self, tenant_id: TenantId, operation_id: OperationId) -> Row | None:
        """Find a bulk operation."""

    async def operation_items(
        self, tenant_id: TenantId, operation_id: OperationId, after: int, limit: int
    ) -> Sequence[Row]:
        """List the first items of an operation behind a place, in order; within one bucket."""

    async def categories(self, tenant_id: TenantId) -> Sequence[Row]:
        """List all categories of a tenant, archived ones too."""

    async def categories_as_of(self, tenant_id: TenantId, at_us: int) -> Sequence[Row]:
        """Give the value that each aspect of each category had, as ``categories_as_of`` has it."""

    async def generation(self, view: View) -> int:
        """Tell which generation of a view is read; how its buckets are cut may depend on it."""

    async def months(
        self, tenant_id: TenantId, category_id: CategoryId, generation: int
    ) -> Sequence[str]:
        """Name the months in which a category has, or had, assets: 2026-11."""

    async def days(self, tenant_id: TenantId, generation: int) -> Sequence[str]:
        """Name the days on which a tenant has, or had, assets: 2026-11-23."""

    async def of_month(
        self,
        tenant_id: TenantId,
        category_id: CategoryId,
        month: str,
        span: KeyRange,
        order: SortOrder,
        limit: int,
        generation: int,
    ) -> Sequence[Row]:
        """List the first assets that a category has of one month within the span."""

    async def of_day(
        self,
        tenant_id: TenantId,
        day: str,
        span: KeyRange,
        order: SortOrder,
        limit: int,
        generation: int,
    ) -> Sequence[Row]:
        """List the first assets that a tenant has of one day within the span."""

    async def consistency(self) -> Sequence[ConsistencyResult]:
        """Tell what the last check of each view against the log came to."""

    async def generations(self) -> Sequence[GenerationStatus]:
        """Give every generation of a view that was not dropped, by view and number."""

    async def request(self, request_id: str) -> MaintenanceTask | None:
        """Find what an operator asked for in the last seven days."""

    async def buckets_as_of(
        self, tenant_id: TenantId, listing_key: str, generation: int
    ) -> Sequence[str]:
        """Name the buckets in which a shelf has, or had, assets."""

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
    ) -> Sequence[Row]:
        """List the first assets that a shelf had in a bucket within the span, at that moment."""

    async def applied_offsets(self, view: View) -> Mapping[int, int]:
        """Tell the next offset that a view will apply of each partition of its topic."""

    async def check(self) -> None:
        """Return when all of the above can be answered."""
