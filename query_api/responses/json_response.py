"""Responses as JSON: written by msgspec, tagged with a version where there is one."""

from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from query_api.responses.conditional_requests import is_unchanged

encode_json = msgspec.json.Encoder().encode
_JSON = "application/json"
_TENANTS_OWN = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
# Not for longer: a purge reaches back, also to what is settled.
_SETTLED = {"Cache-Control": "private, max-age=3600", "Vary": "Authorization"}


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonPage:
    """A page as JSON, and the URL of the next one."""

    content: bytes
    next_url: str | None


def raw_json(text: str) -> Any:  # noqa: ANN401 - whatever the text has
    """Pass on what is JSON already; mypy does not check its shape."""
    return msgspec.Raw(text.encode())


def json_response(
    content: object, *, headers: dict[str, str] | None = None, is_settled: bool = False
) -> Response:
    """Write an answer for one tenant, who may keep it for an hour if it is settled."""
    kept = _SETTLED if is_settled else _TENANTS_OWN
    return Response(encode_json(content), headers={**kept, **(headers or {})}, media_type=_JSON)


def page_response(page: JsonPage, *, is_settled: bool) -> Response:
    """Write a page of a listing, with a link to the next one; an hour long for what is settled."""
    link = {"Link": f'<{page.next_url}>; rel="next"'} if page.next_url else {}
    kept = _SETTLED if is_settled else _TENANTS_OWN
    return Response(page.content, headers={**kept, **link}, media_type=_JSON)


def versioned_response(
    request: Request, content: object, version: int, *, is_settled: bool = False
) -> Response:
    """Write an answer under the version that ``If-Match`` wants; 304 when the client has it."""
    headers = {**(_SETTLED if is_settled else _TENANTS_OWN), "ETag": f'"{version}"'}
    if is_unchanged(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return json_response(content, headers=headers)


def public_response(content: object) -> Response:
    """Write an answer that is the same for everybody."""
    return Response(
        encode_json(content),
        headers={"Cache-Control": "public, max-age=300"},
        media_type=_JSON,
    )
