"""Limits of a request body: its size, and the time it may take to arrive."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.types import Message, Receive, Scope

from infra.http.errors import BodyTooLarge, RequestTimeout
from infra.http.headers import FORM, announces_body, media_type_of

_BODY = "scalehoster.body"
_IDLE_SECONDS = 30.0
_TOTAL_SECONDS = 300.0
_MAX_DIGITS = 18  # more say more than any limit, and Python refuses to read thousands


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """How many bytes a body may have; forms carry files and may have more.

    ``of_path`` are limits of single addresses, whatever is sent there. A body of which nothing
    comes for ``idle_seconds``, or the end not within ``total_seconds``, is given up.
    """

    body_bytes: int
    form_bytes: int
    of_path: Mapping[str, int] = field(default_factory=dict)
    idle_seconds: float = _IDLE_SECONDS
    total_seconds: float = _TOTAL_SECONDS


class IncomingBody:
    """Hands on what a client sends, within limits; the time counts from the first ``receive``.

    So a client that has to wait for its turn does not lose any of its time by that. One that
    announces more than it may send gets BodyTooLarge at once.
    """

    def __init__(self, scope: Scope, receive: Receive, limits: BodyLimits) -> None:
        headers = dict[bytes, bytes](scope["headers"])
        is_form = media_type_of(headers.get(b"content-type", b"").decode("latin-1")) == FORM
        usual = limits.form_bytes if is_form else limits.body_bytes
        declared = headers.get(b"content-length", b"0")
        self._most_bytes = limits.of_path.get(scope["path"], usual)
        if declared.isdigit() and (len(declared) > _MAX_DIGITS or int(declared) > self._most_bytes):
            raise self._too_large()  # at once: an answer that is going on could not tell it
        self._receive = receive
        self._limits = limits
        self._bytes = 0
        self._ends_at: float | None = None
        self._on_whole: Callable[[], None] | None = None
        self.is_whole = not announces_body(scope)
        scope[_BODY] = self

    def when_whole(self, do: Callable[[], None] | None) -> None:
        """Call this once the last byte came; what it raises, whoever reads the body gets."""
        self._on_whole = do

    async def receive(self) -> Message:
        """Take the next part in; raises BodyTooLarge, RequestTimeout."""
        message = await (self._receive() if self.is_whole else self._receive_in_time())
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._most_bytes:
            raise self._too_large()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self.is_whole = True
            on_whole, self._on_whole = self._on_whole, None
            if on_whole is not None:
                on_whole()
        return message

    async def _receive_in_time(self) -> Message:
        now = asyncio.get_running_loop().time()
        self._ends_at = self._ends_at or now + self._limits.total_seconds
        try:
            async with asyncio.timeout_at(min(now + self._limits.idle_seconds, self._ends_at)):
                return await self._receive()
        except TimeoutError:
            raise RequestTimeout(
                f"the rest of the body did not come; a pause may have"
                f" {self._limits.idle_seconds:g} s, all of it {self._limits.total_seconds:g} s",
                headers={"Connection": "close"},
            ) from None

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            f"the body is larger than {self._most_bytes} bytes; send less",
            members={"max_bytes": self._most_bytes},
        )


def body_of(scope: Scope) -> IncomingBody:
    """Find the body of the request that is being answered."""
    body = scope[_BODY]
    assert isinstance(body, IncomingBody)  # noqa: S101 - RequestMiddleware put it there
    return body
