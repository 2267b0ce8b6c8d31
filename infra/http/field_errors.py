"""Validation errors of pydantic as members of a problem, with JSON pointers."""

from collections.abc import Iterable
from typing import Any

from infra.http.errors import FieldError

_PARTS = ("query", "path", "header", "cookie")


def body_errors(found: Iterable[Any]) -> list[FieldError]:
    """Turn a ValidationError's errors about a body into members of a problem."""
    return [{"detail": _detail(error), "pointer": _pointer(error["loc"])} for error in found]


def request_errors(found: Iterable[Any]) -> list[FieldError]:
    """Turn the errors of FastAPI's own validation into members of a problem."""
    told: list[FieldError] = []
    for error in found:
        where, *rest = error["loc"]
        if where in _PARTS:
            told.append({"detail": _detail(error), "parameter": ".".join(map(str, rest))})
        else:
            told.append({"detail": _detail(error), "pointer": _pointer(rest)})
    return told


def _pointer(place: Iterable[int | str]) -> str:
    """Write a JSON pointer (RFC 6901) as a URI fragment, as RFC 9457 § 3 shows it."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place)


def _detail(error: Any) -> str:  # noqa: ANN401 - pydantic's dictionaries are loosely typed
    raised = error.get("ctx", {}).get("error")  # what a validator of ours raised
    return str(raised) if isinstance(raised, Exception) else str(error["msg"])
