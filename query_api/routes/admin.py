"""GET /v1/admin: what an operator wants to know of the views."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from domain.values import TenantId
from infra.api_key_table import Caller
from infra.consistency import ConsistencyResult, Difference
from infra.web.access import Access
from query_api.json_answer import json_answer
from query_api.models import ConsistencyAnswer
from query_api.queries import Queries


def routes(access: Access, queries: Queries) -> APIRouter:
    """Make the routes; each needs the scope ``admin``."""
    router = APIRouter(prefix="/v1/admin", tags=["operation"])
    admin = Depends(access.needs("admin"))

    @router.get("/consistency", response_model=ConsistencyAnswer)
    async def show_consistency(caller: Annotated[Caller, admin]) -> Response:
        """Tell for each view up to where it was last proved equal to the log, or which rows differ.

        Rows of other tenants are counted, not shown.
        """
        results = await queries.consistency()
        return json_answer({"items": [_result(each, caller.tenant_id) for each in results]})

    return router


def _result(result: ConsistencyResult, tenant_id: TenantId) -> dict[str, Any]:
    return {
        "view": result.view,
        "generation": result.generation,
        "is_equal": result.is_equal,
        "checked_at": result.checked_at.isoformat(),
        "topic": result.topic,
        "positions": {str(at): offset for at, offset in sorted(result.positions.items())},
        "row_count": result.row_count,
        "difference_count": result.difference_count,
        "repaired_count": result.repaired_count,
        "waiting_count": result.waiting_count,
        "differences": [
            _difference(each)
            for each in result.differences
            if each.key.get("tenant_id") == tenant_id
        ],
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "table": difference.table,
        "kind": difference.kind,
        "key": difference.key,
        "columns": {
            name: {"by_log": by_log, "found": found}
            for name, (by_log, found) in difference.columns.items()
        },
    }
