"""A client's connection: limits of its requests' heads and of how long it may stall."""

import asyncio
from typing import Any

from httptools import HttpParserError
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from domain.errors import ScaleHosterError
from infra.errors import Overloaded
from infra.http.connection_table import ConnectionTable
from infra.http.errors import HeadTooLarge, MalformedRequest
from infra.http.problems import Problems
from infra.http.request_middleware import new_request_id

_MOST_PIPELINED = 16
_HEADER_BYTES = 4  # colon, space and the end of the line


class _Refused(HttpParserError):
    """Ends the parsing of what a client sends."""


class ClientConnection(HttpToolsProtocol):
    """Speaks HTTP as uvicorn does, and keeps no more than it must of what a client sends.

    ``connections`` ends those that are overdue. What cannot be read is answered with a problem;
    while an answer is on its way the connection just breaks, as nothing may stand in the middle.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        connections: ConnectionTable,
        problems: Problems,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._table = connections
        self._problems = problems
        self._most_bytes = connections.limits.head_bytes
        self._head_bytes = 0
        self._is_in_head = True
        self._quiet_bytes = 0
        self._has_progress = False
        self._refusal: ScaleHosterError = MalformedRequest("this is no HTTP request")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Take part, or be turned away when all others are at work."""
        super().connection_made(transport)
        if not self._table.join(self):
            self._refuse(Overloaded("too many connections are at work"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room for another one."""
        self._table.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; what is neither the end of a head nor a part of a body is bounded.

        A header is told once it is whole, so its bytes have to be counted as they come.
        """
        self._has_progress = False
        super().data_received(data)
        self._quiet_bytes = 0 if self._has_progress else self._quiet_bytes + len(data)
        if self._quiet_bytes > self._most_bytes:
            self._refuse(_too_large(self._most_bytes))

    def on_message_begin(self) -> None:
        """Begin with a head."""
        super().on_message_begin()
        self._is_in_head = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Count the address as a part of the head."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; one behind a body, which nobody reads, is left out."""
        self._count(len(name) + len(value) + _HEADER_BYTES)
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request over, unless too many of this client wait already."""
        if len(self.pipeline) >= _MOST_PIPELINED:
            self._refusal = Overloaded("too many requests before the first answer")
            raise _Refused
        self._is_in_head = False
        self._head_bytes = 0
        self._has_progress = True
        self._table.begin(self)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body in."""
        self._has_progress = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Know that the body is whole."""
        self._has_progress = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        if not self.pipeline:
            self._table.wait(self)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read; uvicorn calls this."""
        del msg  # the same for whatever is wrong
        self._refuse(self._refusal)

    def unsent_bytes(self) -> int:
        """Tell how much of an answer the client has not taken."""
        return self.transport.get_write_buffer_size()

    def end(self) -> None:
        """Break the connection, whatever is on its way."""
        self.transport.abort()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._most_bytes:
            self._refusal = _too_large(self._most_bytes)
            raise _Refused

    def _refuse(self, error: ScaleHosterError) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.end()
            return
        answer = self._problems.answer(error, new_request_id())
        lines = [STATUS_LINE[answer.status_code]]
        lines += [b"%s: %s\r\n" % header for header in answer.raw_headers]
        self.transport.write(b"".join([*lines, b"connection: close\r\n\r\n", bytes(answer.body)]))
        self.transport.close()


def _too_large(most_bytes: int) -> HeadTooLarge:
    return HeadTooLarge(
        f"address and headers of a request may have {most_bytes} bytes",
        members={"max_head_bytes": most_bytes},
    )
