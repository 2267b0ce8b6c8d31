"""The set-up that every FastAPI application of ours gets."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from domain.errors import ScaleHosterError
from infra.http.api_docs_page import add_docs
from infra.http.body_limits import BodyLimits
from infra.http.errors import RequestInvalid, RouteNotFound
from infra.http.field_errors import request_errors
from infra.http.openapi import describe, documented
from infra.http.problems import Problems, problem_page
from infra.http.readiness import Probe, Readiness
from infra.http.request_metrics import RequestMetrics, new_registry
from infra.http.request_middleware import RequestMiddleware, request_id

_DEFAULT_LIMITS = BodyLimits(body_bytes=1_000_000, form_bytes=1_000_000)

log = logging.getLogger(__name__)


def install(
    app: FastAPI,
    *,
    service: str,
    problem_base_url: str,
    probes: Mapping[str, Probe],
    limits: BodyLimits = _DEFAULT_LIMITS,
    registry: CollectorRegistry | None = None,
) -> Readiness:
    """Give an application problems, request ids, body limits, health, metrics and their routes.

    ``problem_base_url`` is where ``/problems/{name}`` is found from outside: the same for both
    services, so that a problem has one type. ``probes`` are what ``/readyz`` asks. Series of the
    service's own go into ``registry``. Returns the readiness, for the code that stops the service.
    """
    problems = Problems(problem_base_url)
    metrics = RequestMetrics(service, registry or new_registry())
    readiness = Readiness(probes)

    async def on_error(request: Request, error: Exception) -> Response:
        own_id = request_id(request)
        answer = problems.answer(error, own_id)
        if answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request %s failed", own_id, exc_info=error)
        elif answer.status_code > HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning("request %s was turned away: %s", own_id, error)
        return answer

    async def on_invalid(request: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else ()
        invalid = RequestInvalid(
            "some parts of the request are wrong", errors=request_errors(found)
        )
        return await on_error(request, invalid)

    async def on_wrong_method(request: Request, error: Exception) -> Response:
        answer = await on_error(request, error)
        path = getattr(request.scope.get("route"), "path_format", "")
        methods = app.openapi()["paths"].get(path, {})
        if methods:  # starlette names the methods of the first matching route only
            answer.headers["Allow"] = ", ".join(sorted(method.upper() for method in methods))
        return answer

    app.add_exception_handler(ScaleHosterError, on_error)
    app.add_exception_handler(HTTPException, on_error)
    app.add_exception_handler(405, on_wrong_method)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_middleware(RequestMiddleware, problems=problems, metrics=metrics, limits=limits)
    app.router.redirect_slashes = False  # such a redirect repeats whatever Host the client named
    _add_routes(app, readiness, metrics)
    add_docs(app)
    describe(app)
    return readiness


def _add_routes(app: FastAPI, readiness: Readiness, metrics: RequestMetrics) -> None:
    async def livez() -> JSONResponse:
        """Tell that the process answers; says nothing about what it needs."""
        return JSONResponse({"status": "alive"})

    async def readyz() -> JSONResponse:
        """Tell whether everything that is needed answers; 503 names the part that does not."""
        return JSONResponse({"status": "ready", "parts": await readiness.check()})

    async def show_metrics() -> Response:
        return metrics.answer()

    async def problem(name: str) -> PlainTextResponse:
        """Explain one kind of problem."""
        return PlainTextResponse(problem_page(name))

    app.get("/livez", tags=["operation"])(livez)
    app.get("/readyz", tags=["operation"])(readyz)
    app.get("/metrics", include_in_schema=False)(show_metrics)
    app.get(
        "/problems/{name}",
        tags=["operation"],
        response_class=PlainTextResponse,
        responses=documented(RouteNotFound),
    )(problem)
