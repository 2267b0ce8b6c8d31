"""The outermost middleware: request ids, body limits, metrics, and a problem for every error."""

import logging
import re
import time
from secrets import token_hex

from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.http.body_limits import BodyLimits, IncomingBody
from infra.http.errors import RequestError
from infra.http.headers import refuse_repeated
from infra.http.problems import Problems
from infra.http.request_metrics import RequestMetrics

_SANE_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_ID_BYTES = 16
_ID = "scalehoster.request_id"

log = logging.getLogger(__name__)


def request_id(connection: HTTPConnection) -> str:
    """Name the request being answered: the client's X-Request-Id where it was sane, else ours."""
    return str(connection.scope[_ID])


def new_request_id() -> str:
    """Make a name up for a request."""
    return token_hex(_ID_BYTES)


class RequestMiddleware:
    """Wraps an application; plain ASGI, because every request pays for it."""

    def __init__(
        self, app: ASGIApp, *, problems: Problems, metrics: RequestMetrics, limits: BodyLimits
    ) -> None:
        self._app = app
        self._problems = problems
        self._metrics = metrics
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever the application raises becomes a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        own_id = scope[_ID] = _id_of(scope)
        header = (b"x-request-id", own_id.encode())
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        try:
            refuse_repeated(scope["headers"])
            body = IncomingBody(scope, receive, self._limits)
            await self._app(scope, body.receive, send_with_id)
        except ClientDisconnect:
            log.info("request %s was given up by its client", own_id)
        except Exception as error:
            if status or not isinstance(error, RequestError):
                log.exception("request %s failed", own_id)
            if status:
                raise  # half an answer is out; the connection must break
            await self._problems.answer(error, own_id)(scope, receive, send_with_id)
        finally:
            self._metrics.observe(scope, status, time.perf_counter() - began)


def _id_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SANE_ID.fullmatch(value):
            return str(value, "ascii")
    return new_request_id()
