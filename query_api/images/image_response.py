"""The bytes of a picture over HTTP, as RFC 9110 has it: conditions, ranges, what may be cached."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from domain.values import Sha256
from query_api.images.public_urls import is_version_of
from query_api.responses.conditional_requests import is_unchanged, requested_range

_FOR_EVER = "public, max-age=31536000, immutable"
FOR_NOW = "public, max-age=30, must-revalidate"  # it may be replaced or deleted
_HARMLESS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
    "Accept-Ranges": "bytes",
}


async def image_response(
    request: Request,
    *,
    sha256: Sha256,
    media_type: str,
    size_bytes: int,
    read: Callable[[], Awaitable[bytes]],
) -> Response:
    """Answer with a picture, with a part of it, or with word that the client has it already.

    ``read`` is asked only if bytes are sent. Raises RangeNotSatisfiable, and what ``read`` does.
    """
    etag = f'"{sha256}"'
    names_its_content = is_version_of(request.query_params.get("v"), sha256)
    headers = {
        **_HARMLESS,
        "ETag": etag,
        "Vary": "Accept",
        "Cache-Control": _FOR_EVER if names_its_content else FOR_NOW,
    }
    if is_unchanged(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        headers["Content-Length"] = str(size_bytes)
        return Response(headers=headers, media_type=media_type)
    part = requested_range(
        request.headers.get("range"),
        request.headers.get("if-range"),
        etag=etag,
        size_bytes=size_bytes,
    )
    data = await read()
    if part is None:
        return Response(data, headers=headers, media_type=media_type)
    headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{size_bytes}"
    return Response(
        data[part.start : part.end], status_code=206, headers=headers, media_type=media_type
    )
