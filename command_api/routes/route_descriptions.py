"""Parts of the routes' descriptions: headers of a write, bodies that are parsed by hand."""

import json
from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from http import HTTPStatus
from typing import Any

from command_api.batch_import.record_parser import CSV, NDJSON
from command_api.batch_import.record_parser import JSON as JSON_ARRAY
from command_api.requests.asset_bodies import UploadBody
from command_api.requests.body import RequestBody
from command_api.requests.body_parser import JSON
from command_api.responses.write_responses import (
    AssetWriteAnswer,
    CategoryWriteAnswer,
    OperationWriteAnswer,
    PendingAnswer,
)
from domain.errors import IdempotencyKeyReused, ScaleHosterError
from infra.http.headers import FORM
from infra.http.openapi import documented

Document = dict[str, Any]

_BARE, _QUOTED = r"[!#-~]([ -~]{0,253}[!-~])?", r'"([ !#-\[\]-~]|\\["\\]){1,255}"'
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "pattern": f"^({_BARE}|{_QUOTED})$"},
    "description": "The same key and body give the same outcome, however often they are sent.",
}
_HEADERS = [
    _IDEMPOTENCY_KEY,
    {
        "name": "Prefer",
        "in": "header",
        "schema": {"type": "string", "examples": ["respond-async", "wait=2"]},
        "description": "`respond-async`: do not wait for the decision; `wait=n`: at most n s.",
    },
]
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,18}"$', "examples": ['"3"']},
    "description": 'The version that was read, such as `"3"`: refused when there is a newer one.',
}


def describe_write(
    *bodies: Document, is_conditional: bool = True, is_body_optional: bool = False
) -> Document:
    """Describe a write that takes one of these bodies: a route's ``openapi_extra``."""
    described: Document = {"parameters": [*_HEADERS, *([_IF_MATCH] if is_conditional else [])]}
    if bodies:
        content = {media_type: schema for body in bodies for media_type, schema in body.items()}
        described["requestBody"] = {"required": not is_body_optional, "content": content}
    return described


def describe_immediate_write(*bodies: Document) -> Document:
    """Describe a write that needs no decider: it is done when it is answered."""
    described = describe_write(*bodies, is_conditional=False)
    return described | {"parameters": [_IDEMPOTENCY_KEY]}


def inlined_schema(model: type[RequestBody]) -> Document:
    """Write a body's schema without references, which would not hold inside of the document."""
    return deepcopy(_inlined_schema(model))


@cache
def _inlined_schema(model: type[RequestBody]) -> Document:
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def inlined(part: Any) -> Any:  # noqa: ANN401 - JSON is any
        if isinstance(part, dict):
            if "$ref" in part:
                return inlined(parts[part["$ref"].rpartition("/")[2]])
            return {name: inlined(value) for name, value in part.items()}
        return [inlined(one) for one in part] if isinstance(part, list) else part

    return dict(inlined(schema))


def json_body(model: type[RequestBody], media_types: Sequence[str] = JSON) -> Document:
    """Describe a JSON body."""
    schema = inlined_schema(model)
    return {media_type: {"schema": schema} for media_type in media_types}


def form_body(model: type[RequestBody]) -> Document:
    """Describe a multipart form: the file, and the fields of the model beside it."""
    schema = inlined_schema(model)
    file = {"type": "string", "format": "binary", "contentMediaType": "image/*"}
    fields = {name: field for name, field in schema["properties"].items() if name != "file"}
    if model is UploadBody:  # a form has text only
        for name in ("metadata", "focal_point"):
            fields[name] = {"type": "string", "contentMediaType": "application/json"}
    return {
        FORM: {
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "required": ["file", *schema.get("required", [])],
                "properties": {"file": file, **fields},
            }
        }
    }


def describe_batch() -> Document:
    """Describe the route that takes many pictures: its ``openapi_extra``.

    Items are not described by a schema, because a wrong one does not make the request wrong.
    """
    one = {"download_url": "https://example.com/cat.jpg", "category": "cats"}
    row = ",".join(one.values())
    content = {
        JSON_ARRAY: {"schema": {"type": "array", "items": {}, "examples": [[one]]}},
        NDJSON: {"schema": {"type": "string", "examples": [json.dumps(one)]}},
        CSV: {"schema": {"type": "string", "examples": [f"{','.join(one)}\n{row}"]}},
    }
    return {
        "parameters": [{**_IDEMPOTENCY_KEY, "required": True}],
        "requestBody": {"required": True, "content": content},
    }


def batch_responses(*refusals: type[ScaleHosterError]) -> dict[int | str, Document]:
    """Describe what a batch answers."""
    line = {"line": 1, "status": "accepted", "asset_id": "…", "position": "…"}
    schema = {"type": "string", "examples": [json.dumps(line, ensure_ascii=False)]}
    outcomes: Document = {
        "description": "One outcome a line, in order",
        "content": {NDJSON: {"schema": schema}},
    }
    return {200: outcomes, **documented(*refusals)}


def asset_responses(status: int, *refusals: type[ScaleHosterError]) -> dict[int | str, Document]:
    """Describe what a write to an asset answers."""
    return _responses(AssetWriteAnswer, status, refusals)


def category_responses(status: int, *refusals: type[ScaleHosterError]) -> dict[int | str, Document]:
    """Describe what a write to a category answers."""
    return _responses(CategoryWriteAnswer, status, refusals)


def operation_responses(
    status: int, *refusals: type[ScaleHosterError]
) -> dict[int | str, Document]:
    """Describe what a write to an operation answers."""
    return _responses(OperationWriteAnswer, status, refusals)


def _responses(
    model: type[AssetWriteAnswer | CategoryWriteAnswer | OperationWriteAnswer],
    status: int,
    refusals: Sequence[type[ScaleHosterError]],
) -> dict[int | str, Document]:
    pending: Document = {"model": PendingAnswer, "description": "Durable, not decided yet"}
    decided: Document = {"model": model, "description": "Decided"}
    if status == HTTPStatus.ACCEPTED:
        decided = {"model": model | PendingAnswer, "description": "Accepted; the work goes on"}
    problems = documented(IdempotencyKeyReused, *refusals)
    return {202: pending, status: decided, **problems}
