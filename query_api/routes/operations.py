"""GET /v1/operations: bulk operations, how they get on, and what became of each asset."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from domain.bulk_operation.progress import CATEGORY_ITEM
from domain.bulk_operation.values import ItemResult
from domain.errors import OperationNotFound
from domain.values import AssetId, OperationId, TenantId
from infra.cassandra.session import Row
from infra.http.errors import RequestInvalid
from infra.http.openapi import documented
from query_api.errors import ViewBehind
from query_api.parameters import OperationIdPath
from query_api.read_context import READ_HEADERS, ReadContext, ReadContextFactory
from query_api.responses.asset_history import ChangeAnswer, changes_by_event
from query_api.responses.json_response import json_response
from query_api.responses.operations import (
    OperationAnswer,
    OperationItemsAnswer,
    OperationsAnswer,
    operation_answer,
    operation_item_answer,
)
from read_models.asset_history.queries import asset_history
from read_models.operation_items.projection import OPERATION_ITEMS
from read_models.operation_items.queries import list_operation_items
from read_models.operations.projection import OPERATIONS
from read_models.operations.queries import all_operations, find_operation
from read_models.view_reader import ViewReader

_MOST = 200

Limit = Annotated[int, Query(ge=1, le=_MOST)]


def routes(read_contexts: ReadContextFactory, views: ViewReader) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/v1/operations", tags=["operations"])

    @router.get(
        "",
        response_model=OperationsAnswer,
        responses=documented(RequestInvalid, ViewBehind),
        openapi_extra={"parameters": READ_HEADERS},
    )
    async def list_operations(
        context: Annotated[ReadContext, Depends(read_contexts.of(OPERATIONS))], limit: Limit = 50
    ) -> Response:
        """List the operations that were begun last, the newest first."""
        rows = await all_operations(views, context.tenant_id)
        newest = sorted(rows, key=lambda row: int(row["started_at_us"]), reverse=True)[:limit]
        answer: OperationsAnswer = {"items": list(map(operation_answer, newest))}
        return json_response(answer)

    @router.get(
        "/{operation_id}",
        response_model=OperationAnswer,
        responses=documented(OperationNotFound, ViewBehind),
        openapi_extra={"parameters": READ_HEADERS},
    )
    async def show_operation(
        operation_id: OperationIdPath,
        context: Annotated[ReadContext, Depends(read_contexts.of(OPERATIONS))],
    ) -> Response:
        """Show an operation: its state, its progress, and when it will be done."""
        row = await _found(views, context.tenant_id, operation_id)
        return json_response(operation_answer(row))

    @router.get(
        "/{operation_id}/items",
        response_model=OperationItemsAnswer,
        responses=documented(OperationNotFound, RequestInvalid, ViewBehind),
        openapi_extra={"parameters": READ_HEADERS},
    )
    async def list_items(
        operation_id: OperationIdPath,
        context: Annotated[ReadContext, Depends(read_contexts.of(OPERATIONS, OPERATION_ITEMS))],
        after: Annotated[int, Query(ge=-1, le=10_000_000)] = -1,
        limit: Limit = 50,
        result: ItemResult | None = None,
    ) -> Response:
        """List what became of each asset, each field before and after.

        With `result` a page may be short, even empty, while there is a next one.
        """
        row = await _found(views, context.tenant_id, operation_id)
        rows = await list_operation_items(views, context.tenant_id, operation_id, after, limit)
        wanted = [one for one in rows if result in (None, one["result"])]
        changes = await asyncio.gather(*(_changes(views, context.tenant_id, one) for one in wanted))
        seen = rows[-1]["place"] if rows else after
        is_more = rows and seen + 1 < operation_answer(row)["progress"]["done"]
        narrowed = f"&result={result}" if result else ""
        next_url = f"/v1/operations/{operation_id}/items?limit={limit}&after={seen}{narrowed}"
        answer: OperationItemsAnswer = {
            "items": list(map(operation_item_answer, wanted, changes)),
            "next": next_url if is_more else None,
        }
        return json_response(answer)

    return router


async def _found(views: ViewReader, tenant_id: TenantId, operation_id: OperationId) -> Row:
    row = await find_operation(views, tenant_id, operation_id)
    if row is None:
        raise OperationNotFound(f"no operation {operation_id}")
    return row


async def _changes(views: ViewReader, tenant_id: TenantId, row: Row) -> list[ChangeAnswer]:
    """Work out what this item's event changed, from the history of its asset."""
    if not row["version"] or row["item"] == CATEGORY_ITEM:
        return []
    history = await asset_history(views, tenant_id, AssetId(row["item"]))
    for event, changes in zip(history, changes_by_event(history), strict=True):
        if event["entity_version"] == row["version"]:
            return changes
    return []
