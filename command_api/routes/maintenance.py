"""Routes of view maintenance: rebuild, compare, switch, verify."""

from typing import Annotated, Any, Literal, cast

from fastapi import Depends, FastAPI, Path
from starlette.requests import Request
from starlette.responses import Response

from command_api.maintenance_client import (
    MaintenanceClient,
    OperationFailed,
    OperationRefused,
)
from command_api.requests.body import RequestBody
from command_api.requests.body_parser import JSON, read_json
from command_api.requests.fields import RequestRules
from command_api.requests.maintenance_bodies import (
    REBUILD_BODIES,
    ReviewVerb,
    StartBody,
    SteeringVerb,
    ViewBody,
)
from command_api.requests.prefer_header import preference
from command_api.responses.maintenance_responses import MaintenanceTaskAnswer
from infra.http.access import Access
from infra.http.authentication.api_key_table import Caller
from infra.http.openapi import documented
from read_models.maintenance_tasks import TaskAction

ViewName = Annotated[str, Path(pattern="^[a-z_]{1,60}$", examples=["assets_by_date"])]


def add_maintenance_routes(
    app: FastAPI,
    access: Access,
    maintenance_client: MaintenanceClient,
    rules: RequestRules,
    longest_wait_seconds: float,
) -> None:
    """Add the routes; each needs the scope ``admin``."""
    admin = Depends(access.needs("admin"))
    answers: dict[int | str, dict[str, Any]] = {
        200: {"model": MaintenanceTaskAnswer, "description": "Done"},
        202: {
            "model": MaintenanceTaskAnswer,
            "description": "Kept, and carried out by the projections",
        },
        **documented(OperationRefused, OperationFailed),
    }

    async def operate(request: Request, action: str, view: str, body: RequestBody) -> Response:
        wait = preference(request.headers.get("prefer", ""), longest_wait_seconds)
        arguments = body.model_dump(exclude_none=True, exclude_unset=True, exclude={"view"})
        return await maintenance_client.answer(
            cast("TaskAction", action), view, arguments, wait.wait_seconds
        )

    @app.post(
        "/v1/admin/rebuilds",
        tags=["operation"],
        openapi_extra=_describe_request(StartBody),
        responses=answers,
    )
    async def start(request: Request, caller: Annotated[Caller, admin]) -> Response:
        """Build a view again from the log, beside the one that is read."""
        del caller  # is let in, that is all
        body = await read_json(request, StartBody, rules)
        return await operate(request, "rebuild.start", body.view, body)

    @app.post(
        "/v1/admin/rebuilds/{view}/{verb}",
        tags=["operation"],
        openapi_extra=_describe_request(*dict.fromkeys(REBUILD_BODIES.values())),
        responses=answers,
    )
    async def steer(
        request: Request,
        view: ViewName,
        verb: SteeringVerb | ReviewVerb,
        caller: Annotated[Caller, admin],
    ) -> Response:
        """Do to the rebuild of a view what `scalehoster rebuild` does under the same word."""
        del caller
        body = await read_json(request, REBUILD_BODIES[verb], rules, empty=b"{}")
        return await operate(request, f"rebuild.{verb}", view, body)

    @app.post(
        "/v1/admin/consistency/{verb}",
        tags=["operation"],
        openapi_extra=_describe_request(ViewBody),
        responses=answers,
    )
    async def check(
        request: Request, verb: Literal["check", "repair"], caller: Annotated[Caller, admin]
    ) -> Response:
        """Compare every row of a view with the log; `repair` also puts right what differs."""
        del caller
        body = await read_json(request, ViewBody, rules)
        return await operate(request, f"consistency.{verb}", body.view, body)


def _describe_request(*bodies: type[RequestBody]) -> dict[str, Any]:
    schemas = [body.model_json_schema() for body in bodies]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {
        "parameters": [
            {
                "name": "Prefer",
                "in": "header",
                "schema": {"type": "string", "examples": ["respond-async", "wait=2"]},
                "description": "`wait=n`: answer 202 when it is not done after n s.",
            }
        ],
        "requestBody": {
            "required": len(schemas) == 1,
            "content": {JSON[0]: {"schema": schema}},
        },
    }
