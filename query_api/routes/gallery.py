"""GET /: the gallery, a page with its scripts and styles beside it."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from infra.http.errors import RouteNotFound
from query_api.responses.conditional_requests import is_unchanged

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_PAGE = "index.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class _GalleryFile:
    data: bytes
    media_type: str
    etag: str


def routes(public_base_url: str) -> APIRouter:
    """Make the routes; ``public_base_url`` is where pictures come from."""
    router = APIRouter(include_in_schema=False)
    found = _files()
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _policy(public_base_url),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }

    def show(request: Request, name: str) -> Response:
        if name not in found:
            raise RouteNotFound(f"the gallery has no {name}")
        file = found[name]
        tagged = {**headers, "ETag": file.etag}
        if is_unchanged(request.headers.get("if-none-match"), file.etag):
            return Response(status_code=304, headers=tagged)
        return Response(file.data, headers=tagged, media_type=file.media_type)

    @router.get("/")
    async def show_gallery(request: Request) -> Response:
        return show(request, _PAGE)

    @router.get("/gallery/{name}")
    async def show_part(request: Request, name: str) -> Response:
        return show(request, name)

    return router


def _files() -> dict[str, _GalleryFile]:
    folder = files("query_api").joinpath("gallery")
    read = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}
    return {
        name: _GalleryFile(
            data=data,
            media_type=_MEDIA_TYPES[name[name.rindex(".") :]],
            etag=f'"{hashlib.sha256(data).hexdigest()}"',
        )
        for name, data in read.items()
    }


def _policy(public_base_url: str) -> str:
    """Allow nothing but our own files, our own API, and pictures from where they are served."""
    place = urlsplit(public_base_url)
    pictures = f"{place.scheme}://{place.netloc}"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: {pictures};"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
