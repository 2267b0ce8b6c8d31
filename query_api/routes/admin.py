"""GET /v1/admin: what an operator wants to know of the views and of what was asked for."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from domain.values import TenantId
from infra.http.access import Access
from infra.http.authentication.api_key_table import Caller
from infra.http.openapi import documented
from query_api.errors import RequestNotFound
from query_api.queries import Queries
from query_api.responses.admin_models import ConsistencyAnswer, GenerationsAnswer, RequestAnswer
from query_api.responses.json_response import json_response
from read_models.consistency_results import ConsistencyResult, ViewDifference
from read_models.generation_status import GenerationStatus
from read_models.maintenance_tasks import MaintenanceTask


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
        return json_response({"items": [_result(each, caller.tenant_id) for each in results]})

    @router.get("/rebuilds", response_model=GenerationsAnswer)
    async def list_generations(
        caller: Annotated[Caller, admin], view: Annotated[str, Query(max_length=60)] = ""
    ) -> Response:
        """List the generations of every view, or of one: which is read, and how far each is."""
        del caller  # is let in, that is all
        found = await queries.generations()
        items = [_generation(each) for each in found if view in ("", each.generation.view)]
        return json_response({"items": items})

    @router.get(
        "/requests/{request_id}",
        response_model=RequestAnswer,
        responses=documented(RequestNotFound),
    )
    async def show_request(
        request_id: Annotated[str, Path(max_length=60)], caller: Annotated[Caller, admin]
    ) -> Response:
        """Show what became of an operation that was asked for in the last seven days."""
        del caller
        found = await queries.request(request_id)
        if found is None:
            raise RequestNotFound(f"nobody asked for {request_id} in the last seven days")
        return json_response(_request(found))

    return router


def _generation(status: GenerationStatus) -> dict[str, Any]:
    generation = status.generation
    comparison = generation.comparison
    return {
        "view": generation.view,
        "generation": generation.number,
        "revision": generation.revision,
        "state": generation.state,
        "is_read": status.is_read,
        "is_paused": generation.is_paused,
        "processes": generation.processes,
        "events_per_second": generation.events_per_second,
        "reason": generation.reason,
        "started_at": generation.started_at.isoformat(),
        "seen_at": generation.seen_at and generation.seen_at.isoformat(),
        "done": status.done,
        "target": status.target,
        "events": status.events,
        "offsets_per_second": generation.offsets_per_second,
        "comparison": comparison
        and {
            "compared_at": comparison.compared_at.isoformat(),
            "compared_with": comparison.compared_with,
            "row_count": comparison.row_count,
            "difference_count": comparison.difference_count,
        },
    }


def _request(request: MaintenanceTask) -> dict[str, Any]:
    return {
        "request_id": request.request_id,
        "action": request.action,
        "view": request.view,
        "arguments": request.arguments,
        "asked_at": request.asked_at.isoformat(),
        "state": request.state,
        "detail": request.detail,
        "outcome": request.outcome,
    }


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


def _difference(difference: ViewDifference) -> dict[str, Any]:
    return {
        "table": difference.table,
        "kind": difference.kind,
        "key": difference.key,
        "columns": {
            name: {"by_log": by_log, "found": found}
            for name, (by_log, found) in difference.columns.items()
        },
    }
