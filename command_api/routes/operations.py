"""Writes to many assets at once, as one operation that can be followed, steered and reverted."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from command_api.answers import OperationAnswer, PendingAnswer
from command_api.desk import Desk
from command_api.fields import is_id
from command_api.operation_bodies import (
    BODIES,
    KindBody,
    OperationBody,
    RevertBody,
    ThrottleBody,
)
from command_api.previews import PreviewAnswer, Previews
from command_api.reading import JSON, read_json
from command_api.routes.documenting import json_body, operation_answers, takes, whole_schema
from domain.bulk import OperationState
from domain.bulk_commands import (
    CancelOperation,
    PauseOperation,
    ResumeOperation,
    RevertOperation,
    StartOperation,
    ThrottleOperation,
)
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


def add_operation_routes(app: FastAPI, desk: Desk, previews: Previews) -> None:
    """Add the routes that begin and steer operations; the query API tells how they get on."""

    @app.post(
        _PATH,
        tags=["operations"],
        status_code=HTTPStatus.ACCEPTED,
        openapi_extra=takes(_any_kind(), is_conditional=False),
        responses=_started(
            UnknownCategory, CategoryIsArchived, CategoryAlreadyExists, ViewNotBuilt
        ),
    )
    async def start(request: Request) -> Response:
        """Change many assets; with `dry_run` only show which would change."""
        with desk.admission.admit(request) as write:
            kind = (await read_json(request, KindBody, desk.rules)).kind
            body: OperationBody = await read_json(request, BODIES[kind], desk.rules)
            command = StartOperation(
                metadata=write.metadata(write.command_id, body.content()),
                filter=body.wanted(),
                instructions=body.instructions(),
                per_second=body.per_second,
            )
            if body.dry_run:
                shown = await previews.preview(command)
                return Response(shown.model_dump_json(), media_type=JSON[0])
            return await desk.operate(command, write, OperationState.RUNNING)

    @app.post(
        f"{_PATH}/{{operation_id}}/revert",
        tags=["operations"],
        status_code=HTTPStatus.ACCEPTED,
        openapi_extra=takes(json_body(RevertBody), is_conditional=False, is_body_optional=True),
        responses=_started(OperationNotFound, OperationIsUnderWay, OperationIsReverted),
    )
    async def revert(request: Request, operation_id: str) -> Response:
        """Take back what an operation changed, as an operation of its own."""
        with desk.admission.admit(request) as write:
            body = await read_json(request, RevertBody, desk.rules, empty=b"{}")
            command = RevertOperation(
                metadata=write.metadata(write.command_id, body.content()),
                reverts=_known_form(operation_id),
                per_second=body.per_second,
            )
            return await desk.operate(command, write, OperationState.RUNNING)

    @app.post(
        f"{_PATH}/{{operation_id}}/throttle",
        tags=["operations"],
        openapi_extra=takes(json_body(ThrottleBody), is_conditional=False),
        responses=operation_answers(200, *_STEERED),
    )
    async def throttle(request: Request, operation_id: str) -> Response:
        """Let it change at most so many assets a second from now on."""
        with desk.admission.admit(request) as write:
            body = await read_json(request, ThrottleBody, desk.rules)
            metadata = write.metadata(_known_form(operation_id), body.content())
            command = ThrottleOperation(metadata=metadata, per_second=body.per_second)
            return await desk.operate(command, write, None)

    for word, kind, state, told in (
        ("pause", PauseOperation, OperationState.PAUSED, "Hold an operation where it is."),
        ("resume", ResumeOperation, OperationState.RUNNING, "Go on with a paused operation."),
        ("cancel", CancelOperation, OperationState.CANCELLED, "End it; what it changed stays."),
    ):
        _add_steering(app, desk, word, kind, state, told)


def _add_steering(
    app: FastAPI,
    desk: Desk,
    word: str,
    kind: type[PauseOperation | ResumeOperation | CancelOperation],
    state: OperationState,
    told: str,
) -> None:
    @app.post(
        f"{_PATH}/{{operation_id}}/{word}",
        tags=["operations"],
        name=word,
        summary=word.capitalize(),
        description=told,
        openapi_extra=takes(is_conditional=False),
        responses=operation_answers(200, *_STEERED),
    )
    async def steer(request: Request, operation_id: str) -> Response:
        with desk.admission.admit(request) as write:
            command = kind(metadata=write.metadata(_known_form(operation_id), ""))
            return await desk.operate(command, write, state)


def _known_form(operation_id: str) -> OperationId:
    if not is_id(operation_id):
        raise OperationNotFound(f"no operation {operation_id}")
    return OperationId(operation_id)


def _started(*refusals: Any) -> dict[int | str, dict[str, Any]]:  # noqa: ANN401 - as operation_answers
    shown = {"model": PreviewAnswer, "description": "What it would do (`dry_run`)"}
    begun = {"model": OperationAnswer | PendingAnswer, "description": "Begun; the work goes on"}
    return {**operation_answers(202, *refusals), 200: shown, 202: begun}


def _any_kind() -> dict[str, Any]:
    kinds = {body.__name__: body for body in BODIES.values()}
    return {JSON[0]: {"schema": {"oneOf": [whole_schema(body) for body in kinds.values()]}}}
