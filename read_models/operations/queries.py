"""Finding bulk operations; a row that only tells that it was reverted is not shown yet."""

from domain.values import OperationId, TenantId
from infra.cassandra.session import Row
from read_models.keyset import select_all
from read_models.operations.projection import OPERATIONS
from read_models.view_reader import ViewReader

_OPERATIONS = "SELECT * FROM operations$suffix WHERE tenant_id = ? AND operation_id > ?"
_OPERATION = "SELECT * FROM operations$suffix WHERE tenant_id = ? AND operation_id = ?"


async def all_operations(views: ViewReader, tenant_id: TenantId) -> list[Row]:
    """List all bulk operations of a tenant."""
    rows = await select_all(
        views,
        OPERATIONS,
        _OPERATIONS,
        lambda last: (tenant_id, last["operation_id"] if last else ""),
    )
    return [row for row in rows if row["kind"] is not None]


async def find_operation(
    views: ViewReader, tenant_id: TenantId, operation_id: OperationId
) -> Row | None:
    """Find a bulk operation."""
    rows = await views.select(OPERATIONS, _OPERATION, (tenant_id, operation_id))
    return rows[0] if rows and rows[0]["kind"] is not None else None
