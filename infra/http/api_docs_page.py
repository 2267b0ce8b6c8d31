"""GET /docs: the description of an API for people, with every script and style it needs."""

from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from infra.http.errors import RouteNotFound

_MEDIA_TYPES = {
    "index.html": "text/html; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js.LICENSE.txt": "text/plain; charset=utf-8",
    "LICENSE": "text/plain; charset=utf-8",
    "NOTICE": "text/plain; charset=utf-8",
}
_PAGE = "index.html"
# Swagger UI draws with images that its style sheet has as data.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _DocsFile:
    data: bytes
    media_type: str
    etag: str


def add_docs(app: FastAPI) -> None:
    """Add ``/docs`` and the files of Swagger UI beside it (``infra/http/api_docs``).

    FastAPI's own page loads scripts from a CDN. Whoever serves those could use each API key that is
    typed in there, and each key that another page of the same origin keeps in its session.
    """
    found = _files()
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }

    def answer(request: Request, name: str) -> Response:
        if name not in found:
            raise RouteNotFound(f"the documentation has no {name}")
        file = found[name]
        tagged = {**headers, "ETag": file.etag}
        if file.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=tagged)
        return Response(file.data, headers=tagged, media_type=file.media_type)

    async def show_docs(request: Request) -> Response:
        return answer(request, _PAGE)

    async def show_part(request: Request, name: str) -> Response:
        return answer(request, name)

    app.get("/docs", include_in_schema=False)(show_docs)
    app.get("/docs/{name}", include_in_schema=False)(show_part)


def _files() -> dict[str, _DocsFile]:
    folder = files("infra.http").joinpath("api_docs")
    read = {name: folder.joinpath(name).read_bytes() for name in _MEDIA_TYPES}
    return {
        name: _DocsFile(
            data=data, media_type=_MEDIA_TYPES[name], etag=f'"{sha256(data).hexdigest()}"'
        )
        for name, data in read.items()
    }
