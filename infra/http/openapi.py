"""OpenAPI documents: every problem an operation may answer, and how to send a key."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI

from domain.errors import ScaleHosterError
from infra.errors import BrokerUnavailable, Overloaded
from infra.http.errors import (
    ApiKeyMissing,
    ApiKeyRefused,
    BodyTooLarge,
    HeadTooLarge,
    MalformedHeader,
    MalformedJson,
    NotReady,
    RateLimited,
    RequestInvalid,
    RequestTimeout,
    ScopeMissing,
    UnsupportedMediaType,
)
from infra.http.problems import MEDIA_TYPE, InternalFault, name_of, status_of, title_of

Document = dict[str, Any]

_EVERYWHERE = (InternalFault, NotReady, MalformedHeader, HeadTooLarge)
_WITH_KEY = (ApiKeyMissing, ApiKeyRefused, ScopeMissing, RateLimited)
_WITH_BODY = (
    MalformedJson,
    BodyTooLarge,
    RequestTimeout,
    UnsupportedMediaType,
    RequestInvalid,
)
_ON_WRITES = (Overloaded, BrokerUnavailable)
_METHODS = ("get", "put", "post", "delete", "patch")
_FASTAPI_SCHEMAS = ("HTTPValidationError", "ValidationError")
_PROBLEM: Document = {
    "type": "object",
    "description": "A problem as RFC 9457 tells it; some kinds have members of their own.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "A page about this kind."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do."},
        "instance": {"type": "string", "description": "The request id."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "detail": {"type": "string"},
                    "pointer": {"type": "string", "description": "JSON pointer into the body."},
                    "parameter": {"type": "string", "description": "Header, query or path part."},
                },
            },
        },
    },
}


def documented(*kinds: type[ScaleHosterError]) -> dict[int | str, Document]:
    """Describe the problems that a route answers besides the common ones: its ``responses``."""
    responses: dict[int | str, Document] = {}
    for kind in kinds:
        status = status_of(kind)
        response = responses.setdefault(
            status.value,
            {
                "description": status.phrase,
                "content": {
                    MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
                },
            },
        )
        response["content"][MEDIA_TYPE]["examples"][name_of(kind)] = {
            "value": {
                "type": f"/problems/{name_of(kind)}",
                "title": title_of(kind),
                "status": status.value,
                "detail": title_of(kind),
                "instance": "0190e5a2-6f1c-7c39-9b0e-3f1d7a7f0c11",
            }
        }
    return responses


def describe(app: FastAPI) -> None:
    """Let ``/openapi.json`` name the common problems of every operation, and the API key."""
    plain: Callable[[], Document] = app.openapi

    def openapi() -> Document:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(plain())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend it


def _completed(document: Document) -> Document:
    components = document.setdefault("components", {})
    components["securitySchemes"] = {
        "api_key": {"type": "http", "scheme": "bearer", "bearerFormat": "shk_…"}
    }
    schemas = components.setdefault("schemas", {})
    for name in _FASTAPI_SCHEMAS:
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    for path, method, operation in _operations(document):
        needs_key = path.startswith("/v1/")
        if needs_key:
            operation["security"] = [{"api_key": []}]
        _add(operation, _common(method, operation, needs_key=needs_key))
    return document


def _common(
    method: str, operation: Document, *, needs_key: bool
) -> tuple[type[ScaleHosterError], ...]:
    return (
        *_EVERYWHERE,
        *(_WITH_KEY if needs_key else ()),
        *(_WITH_BODY if "requestBody" in operation else ()),
        *(_ON_WRITES if method != "get" else ()),
        *((RequestInvalid,) if "422" in operation["responses"] else ()),
    )


def _add(operation: Document, kinds: tuple[type[ScaleHosterError], ...]) -> None:
    responses = operation["responses"]
    if MEDIA_TYPE not in responses.get("422", {}).get("content", {MEDIA_TYPE: None}):
        del responses["422"]  # FastAPI's own shape, which never goes out
    for status, response in documented(*kinds).items():
        present = responses.setdefault(str(status), response)
        content = present.setdefault("content", {}).setdefault(
            MEDIA_TYPE, response["content"][MEDIA_TYPE]
        )
        examples = response["content"][MEDIA_TYPE]["examples"]
        content["examples"] = examples | content.get("examples", {})


def _operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]
