"""Listing the items of a bulk operation, in the order they were dealt with."""

from domain.values import OperationId, TenantId
from infra.cassandra.session import Row
from read_models.operation_items.projection import OPERATION_ITEMS
from read_models.sharding import bucket_of
from read_models.view_reader import ViewReader

_ITEMS = (
    "SELECT * FROM operation_items$suffix"
    " WHERE tenant_id = ? AND operation_id = ? AND bucket = ? AND place > ? LIMIT ?"
)


async def list_operation_items(
    views: ViewReader, tenant_id: TenantId, operation_id: OperationId, after: int, limit: int
) -> list[Row]:
    """List the first items of an operation behind a place, of those in one bucket."""
    parameters = (tenant_id, operation_id, bucket_of(after + 1), after, limit)
    return await views.select(OPERATION_ITEMS, _ITEMS, parameters)
