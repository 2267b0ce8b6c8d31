"""Answers as JSON: written by msgspec, tagged with a version where there is one."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from query_api.conditions import is_unchanged

_ENCODE = msgspec.json.Encoder().encode
_OURS_ALONE = "private, no-cache"  # a tenant's data: for nobody else, and never without asking


def json_answer(content: object, *, headers: dict[str, str] | None = None) -> Response:
    """Write an answer for one tenant."""
    return Response(
        _ENCODE(content),
        headers={"Cache-Control": _OURS_ALONE, "Vary": "Authorization", **(headers or {})},
        media_type="application/json",
    )


def versioned_answer(request: Request, content: object, version: int) -> Response:
    """Write an answer under the version that ``If-Match`` wants; 304 when the client has it."""
    etag = f'"{version}"'
    if is_unchanged(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers={"ETag": etag, "Cache-Control": _OURS_ALONE})
    return json_answer(content, headers={"ETag": etag})


def public_answer(content: object) -> Response:
    """Write an answer that is the same for everybody."""
    return Response(
        _ENCODE(content),
        headers={"Cache-Control": "public, max-age=300"},
        media_type="application/json",
    )
