"""Responses as JSON: what a model of pydantic's documents is what it writes."""

from collections.abc import Mapping
from http import HTTPStatus

from pydantic import BaseModel
from starlette.responses import Response


def json_response(
    answer: BaseModel, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Write an answer."""
    return Response(
        answer.model_dump_json(), status, headers=headers, media_type="application/json"
    )
