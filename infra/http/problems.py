"""Problem details (RFC 9457) of every error, without anything internal."""

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import Response

from avro_schemas.errors import KeysLost
from domain.errors import (
    Conflict,
    NotFound,
    PreconditionFailed,
    Refusal,
    ScaleHosterError,
    Unprocessable,
)
from infra.errors import (
    BrokerUnavailable,
    Overloaded,
    RecordRefused,
    StoreUnavailable,
    TransformationFailed,
    ViewNotBuilt,
    ViewsMissing,
)
from infra.http import errors

MEDIA_TYPE = "application/problem+json"
STATUS_OF: Mapping[type[ScaleHosterError], HTTPStatus] = {
    errors.BadRequest: HTTPStatus.BAD_REQUEST,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    errors.RouteNotFound: HTTPStatus.NOT_FOUND,
    errors.MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    errors.NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    errors.RequestTimeout: HTTPStatus.REQUEST_TIMEOUT,
    Conflict: HTTPStatus.CONFLICT,
    Refusal: HTTPStatus.CONFLICT,  # of a kind that only a newer release knows
    errors.Gone: HTTPStatus.GONE,
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    RecordRefused: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.HeadTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.RangeNotSatisfiable: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    Unprocessable: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.RequestInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    TransformationFailed: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    ScaleHosterError: HTTPStatus.INTERNAL_SERVER_ERROR,
    Overloaded: HTTPStatus.SERVICE_UNAVAILABLE,
    BrokerUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    ViewsMissing: HTTPStatus.SERVICE_UNAVAILABLE,
    ViewNotBuilt: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    KeysLost: HTTPStatus.SERVICE_UNAVAILABLE,
}
# What starlette and FastAPI raise by themselves, in our words.
_FRAMEWORK: Mapping[int, tuple[type[errors.RequestError], str]] = {
    HTTPStatus.BAD_REQUEST: (errors.BadRequest, "the request could not be read"),
    HTTPStatus.NOT_FOUND: (errors.RouteNotFound, "there is nothing here; /openapi.json lists all"),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        errors.MethodNotAllowed,
        "this address does not know the method; the header Allow names those it knows",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (errors.BodyTooLarge, "the body is too large"),
}
_RETRY_SECONDS = "1"
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class InternalFault(ScaleHosterError):
    """Something went wrong on our side; tell us the instance."""


class Problems:
    """Tells errors as problems; the type of each is the address of a page that explains it."""

    def __init__(self, base_url: str) -> None:
        self._types = f"{base_url.rstrip('/')}/problems/"

    def answer(self, error: Exception, request_id: str) -> Response:
        """Tell any error; what is not one of ours becomes an internal fault without details."""
        known = _known(error)
        status = status_of(type(known))
        headers = dict(getattr(known, "headers", {}) or getattr(error, "headers", None) or {})
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            headers.setdefault("Retry-After", _RETRY_SECONDS)
        if status is HTTPStatus.UNAUTHORIZED:
            headers.setdefault("WWW-Authenticate", 'Bearer realm="scalehoster"')
        title = title_of(type(known))
        content = {
            **getattr(known, "members", {}),
            "type": self._types + name_of(type(known)),
            "title": title,
            "status": status.value,
            "detail": getattr(known, "detail", title),  # the text of others may name our inside
            "instance": request_id,
        }
        if field_errors := getattr(known, "errors", ()):
            content["errors"] = list(field_errors)
        return Response(
            json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"),
            status_code=status,
            headers=headers,
            media_type=MEDIA_TYPE,
        )


def status_of(kind: type[ScaleHosterError]) -> HTTPStatus:
    """Find the status of an error class by its nearest base in the table."""
    return next(STATUS_OF[base] for base in kind.__mro__ if base in STATUS_OF)


def name_of(kind: type[ScaleHosterError]) -> str:
    """Name a problem as its type does: the class name in kebab-case."""
    return _WORD_START.sub("-", kind.__name__).lower()


def title_of(kind: type[ScaleHosterError]) -> str:
    """Take the first sentence of the class's docstring."""
    return (kind.__doc__ or "").partition("\n")[0]


def problem_kinds() -> dict[str, type[ScaleHosterError]]:
    """List every error class that is known to this process by its problem name."""
    return {name_of(kind): kind for kind in _subclasses(ScaleHosterError)}


def problem_name(class_name: str) -> str:
    """Name the problem of an error class; one that only a newer release has, by its class."""
    kinds = problem_kinds().items()
    return next((name for name, kind in kinds if kind.__name__ == class_name), class_name)


def problem_page(name: str) -> str:
    """Explain a problem in a few lines; raises RouteNotFound when there is none of this name."""
    kind = problem_kinds().get(name)
    if kind is None:
        raise errors.RouteNotFound(f"no problem is called {name}")
    status = status_of(kind)
    return f"{name}\n\n{title_of(kind)}\n\nHTTP status {status.value} {status.phrase}\n"


def _known(error: Exception) -> ScaleHosterError:
    match error:
        case ScaleHosterError():
            return error
        case HTTPException(status_code=status) if status in _FRAMEWORK:
            kind, detail = _FRAMEWORK[status]
            return kind(detail)
        case HTTPException(status_code=status) if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return errors.BadRequest(HTTPStatus(status).phrase)
        case _:
            return InternalFault()


def _subclasses(kind: type[ScaleHosterError]) -> Iterator[type[ScaleHosterError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)
