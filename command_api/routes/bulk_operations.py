"""Routes of bulk operations: start, steer, revert."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from command_api.operation_previews import OperationPreviews
from command_api.request_context import RequestContext
from command_api.requests.body_parser import JSON, read_json
from command_api.requests.bulk_operation_bodies import (
    OPERATION_BODIES,
    KindBody,
    OperationBody,
    RevertBody,
    ThrottleBody,
)
from command_api.requests.fields import is_id
from command_api.responses.json_response import json_response
from command_api.responses.preview_responses import PreviewAnswer
from command_api.responses.write_responses import OperationWriteAnswer, PendingAnswer
from command_api.routes.route_descriptions import (
    describe_write,
    inlined_schema,
    json_body,
    operation_responses,
)
from domain.bulk_operation.commands import (
    CancelOperation,
    PauseOperation,
    ResumeOperation,
    RevertOperation,
    StartOperation,
    ThrottleOperation,
)
from domain.bulk_operation.values import OperationState
from domain.errors import (
    CategoryAlreadyExists,
    CategoryIsArchived,
    OperationHasEnded,
    OperationIsReverted,
    OperationIsUnderWay,
    OperationNotFound,
    UnknownCategory,
)
from domain.values import OperationId
from infra.errors import ViewNotBuilt

_PATH = "/v1/operations"
_STEERED = (OperationNotFound, OperationHasEnded)


def add_operation_routes(
    app: FastAPI, request_context: RequestContext, previews: OperationPreviews
) -> None:
    """Add the routes that begin and steer operations; the query API tells how they get on."""

    @app.post(
        _PATH,
        tags=["operations"],
        status_code=HTTPStatus.ACCEPTED,
        openapi_extra=describe_write(_any_kind(), is_conditional=False),
        responses=_started(
            UnknownCategory, CategoryIsArchived, CategoryAlreadyExists, ViewNotBuilt
        ),
    )
    async def start(request: Request) -> Response:
        """Change many assets; with `dry_run` only show which would change."""
        with request_context.admission.admit(request) as write:
            kind = (await read_json(request, KindBody, request_context.rules)).kind
            body: OperationBody = await read_json(
                request, OPERATION_BODIES[kind], request_context.rules
            )
            command = StartOperation(
                metadata=write.metadata(write.command_id, body.content()),
                filter=body.wanted(),
                instructions=body.instructions(),
                per_second=body.per_second,
            )
            if body.dry_run:
                shown = await previews.preview(command)
                return json_response(shown)
            return await request_context.operate(command, write, OperationState.RUNNING)

    @app.post(
        f"{_PATH}/{{operation_id}}/revert",
        tags=["operations"],
        status_code=HTTPStatus.ACCEPTED,
        openapi_extra=describe_write(
            json_body(RevertBody), is_conditional=False, is_body_optional=True
        ),
        responses=_started(OperationNotFound, OperationIsUnderWay, OperationIsReverted),
    )
    async def revert(request: Request, operation_id: str) -> Response:
        """Take back what an operation changed, as an operation of its own."""
        with request_context.admission.admit(request) as write:
            body = await read_json(request, RevertBody, request_context.rules, empty=b"{}")
            command = RevertOperation(
                metadata=write.metadata(write.command_id, body.content()),
                reverts=_parse_operation_id(operation_id),
                per_second=body.per_second,
            )
            return await request_context.operate(command, write, OperationState.RUNNING)

    @app.post(
        f"{_PATH}/{{operation_id}}/throttle",
        tags=["operations"],
        openapi_extra=describe_write(json_body(ThrottleBody), is_conditional=False),
        responses=operation_responses(200, *_STEERED),
    )
    async def throttle(request: Request, operation_id: str) -> Response:
        """Let it change at most so many assets a second from now on."""
        with request_context.admission.admit(request) as write:
            body = await read_json(request, ThrottleBody, request_context.rules)
            metadata = write.metadata(_parse_operation_id(operation_id), body.content())
            command = ThrottleOperation(metadata=metadata, per_second=body.per_second)
            return await request_context.operate(command, write, None)

    for word, kind, state, description in (
        ("pause", PauseOperation, OperationState.PAUSED, "Hold an operation where it is."),
        ("resume", ResumeOperation, OperationState.RUNNING, "Go on with a paused operation."),
        ("cancel", CancelOperation, OperationState.CANCELLED, "End it; what it changed stays."),
    ):
        _add_steering(app, request_context, word, kind, state, description)


def _add_steering(
    app: FastAPI,
    request_context: RequestContext,
    word: str,
    kind: type[PauseOperation | ResumeOperation | CancelOperation],
    state: OperationState,
    description: str,
) -> None:
    @app.post(
        f"{_PATH}/{{operation_id}}/{word}",
        tags=["operations"],
        name=word,
        summary=word.capitalize(),
        description=description,
        openapi_extra=describe_write(is_conditional=False),
        responses=operation_responses(200, *_STEERED),
    )
    async def steer(request: Request, operation_id: str) -> Response:
        with request_context.admission.admit(request) as write:
            command = kind(metadata=write.metadata(_parse_operation_id(operation_id), ""))
            return await request_context.operate(command, write, state)


def _parse_operation_id(operation_id: str) -> OperationId:
    if not is_id(operation_id):
        raise OperationNotFound(f"no operation {operation_id}")
    return OperationId(operation_id)


def _started(*refusals: Any) -> dict[int | str, dict[str, Any]]:  # noqa: ANN401 - as operation_responses
    shown = {"model": PreviewAnswer, "description": "What it would do (`dry_run`)"}
    begun = {
        "model": OperationWriteAnswer | PendingAnswer,
        "description": "Begun; the work goes on",
    }
    return {**operation_responses(202, *refusals), 200: shown, 202: begun}


def _any_kind() -> dict[str, Any]:
    kinds = {body.__name__: body for body in OPERATION_BODIES.values()}
    return {JSON[0]: {"schema": {"oneOf": [inlined_schema(body) for body in kinds.values()]}}}
