"""GET /v1/admin: what an operator wants to know of the views and of what was asked for."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from infra.http.access import Access
from infra.http.authentication.api_key_table import Caller
from infra.http.openapi import documented
from query_api.errors import RequestNotFound
from query_api.responses.admin import (
    ConsistencyAnswer,
    GenerationsAnswer,
    RequestAnswer,
    generation_answer,
    task_answer,
    view_consistency,
)
from query_api.responses.json_response import json_response
from read_models.consistency_results import consistency_results
from read_models.generation_status import generation_statuses
from read_models.maintenance_tasks import find_maintenance_task
from read_models.view_reader import QueryRunner


def routes(access: Access, cql: QueryRunner) -> APIRouter:
    """Make the routes; each needs the scope ``admin``."""
    router = APIRouter(prefix="/v1/admin", tags=["operation"])
    admin = Depends(access.needs("admin"))

    @router.get("/consistency", response_model=ConsistencyAnswer)
    async def show_consistency(caller: Annotated[Caller, admin]) -> Response:
        """Tell for each view up to where it was last proved equal to the log, or which rows differ.

        Rows of other tenants are counted, not shown.
        """
        results = await consistency_results(cql)
        answer: ConsistencyAnswer = {
            "items": [view_consistency(each, caller.tenant_id) for each in results]
        }
        return json_response(answer)

    @router.get("/rebuilds", response_model=GenerationsAnswer)
    async def list_generations(
        caller: Annotated[Caller, admin], view: Annotated[str, Query(max_length=60)] = ""
    ) -> Response:
        """List the generations of every view, or of one: which is read, and how far each is."""
        del caller  # is let in, that is all
        found = await generation_statuses(cql)
        shown = [each for each in found if view in ("", each.generation.view)]
        answer: GenerationsAnswer = {"items": list(map(generation_answer, shown))}
        return json_response(answer)

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
        found = await find_maintenance_task(cql, request_id)
        if found is None:
            raise RequestNotFound(f"nobody asked for {request_id} in the last seven days")
        return json_response(task_answer(found))

    return router
