"""Operations on the views: rebuild, compare, switch, and prove them equal to the log."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from fastapi import Depends, FastAPI, Path
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from command_api.maintenance_client import (
    MaintenanceClient,
    MaintenanceTaskAnswer,
    OperationFailed,
    OperationRefused,
)
from command_api.requests.bodies import RequestBody
from command_api.requests.body_parser import JSON, read_json
from command_api.requests.fields import RequestRules
from command_api.requests.prefer_header import preference
from infra.http.access import Access
from infra.http.authentication.api_key_table import Caller
from infra.http.openapi import documented
from read_models.maintenance_tasks import TaskAction

SteeringVerb = Literal["pause", "resume", "throttle", "cancel"]
ReviewVerb = Literal["compare", "switch", "rollback", "drop"]
ViewName = Annotated[str, Path(pattern="^[a-z_]{1,60}$", examples=["assets_by_date"])]
_Name = Annotated[str, Field(pattern="^[a-z_]{1,60}$", examples=["assets_by_date"])]
_Reason = Annotated[str, Field(min_length=1, max_length=500)]
_Processes = Annotated[int, Field(ge=1, le=64)]
_Rate = Annotated[int, Field(ge=0, le=10_000_000, description="0 for no limit.")]


class StartBody(RequestBody):
    """Which view to build again, and how."""

    view: _Name
    processes: _Processes = 1
    events_per_second: _Rate = 0


class ViewBody(RequestBody):
    """Which view."""

    view: _Name


class NothingBody(RequestBody):
    """Nothing to say."""


class ResumeBody(RequestBody):
    """How to go on; ``accept_poison`` is why the record that it failed at may be left out."""

    processes: _Processes | None = None
    events_per_second: _Rate | None = None
    accept_poison: _Reason | None = None


class RebuildThrottleBody(RequestBody):
    """How fast it may go."""

    events_per_second: _Rate


class SwitchBody(RequestBody):
    """Why differences that were found are right."""

    accept_differences: _Reason | None = None


class DropBody(RequestBody):
    """Which generation; never the one that is read."""

    generation: Annotated[int, Field(ge=1, le=1_000_000)]


_BODIES: Mapping[SteeringVerb | ReviewVerb, type[RequestBody]] = {
    "pause": NothingBody,
    "resume": ResumeBody,
    "throttle": RebuildThrottleBody,
    "cancel": NothingBody,
    "compare": NothingBody,
    "switch": SwitchBody,
    "rollback": NothingBody,
    "drop": DropBody,
}


def add_maintenance_routes(
    app: FastAPI,
    access: Access,
    maintenance_client: MaintenanceClient,
    rules: RequestRules,
    longest_wait_seconds: float,
) -> None:
    """Add the routes; each needs the scope ``admin``."""
    admin = Depends(access.needs("admin"))
    told: dict[int | str, dict[str, Any]] = {
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
        responses=told,
    )
    async def start(request: Request, caller: Annotated[Caller, admin]) -> Response:
        """Build a view again from the log, beside the one that is read."""
        del caller  # is let in, that is all
        body = await read_json(request, StartBody, rules)
        return await operate(request, "rebuild.start", body.view, body)

    @app.post(
        "/v1/admin/rebuilds/{view}/{verb}",
        tags=["operation"],
        openapi_extra=_describe_request(*dict.fromkeys(_BODIES.values())),
        responses=told,
    )
    async def steer(
        request: Request,
        view: ViewName,
        verb: SteeringVerb | ReviewVerb,
        caller: Annotated[Caller, admin],
    ) -> Response:
        """Do to the rebuild of a view what `scalehoster rebuild` does under the same word."""
        del caller
        body = await read_json(request, _BODIES[verb], rules, empty=b"{}")
        return await operate(request, f"rebuild.{verb}", view, body)

    @app.post(
        "/v1/admin/consistency/{verb}",
        tags=["operation"],
        openapi_extra=_describe_request(ViewBody),
        responses=told,
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
