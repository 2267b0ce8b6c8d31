"""One request as a server hands it over, whose body comes as slowly as a test likes."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message


class SlowRequest:
    """Sends the parts of a body, and then stalls unless ``is_whole``.

    ``parts_taken`` counts what the application read; the request is over when ``answer`` returned.
    """

    def __init__(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        parts: Iterable[bytes] = (),
        *,
        is_whole: bool = False,
    ) -> None:
        self.parts_taken = 0
        self.status = 0
        self.body = b""
        self.headers: dict[str, str] = {}
        self.is_stalled = asyncio.Event()
        self._parts = list(parts)
        self._is_whole = is_whole
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "scheme": "http",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 3000),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }

    async def answer(self, app: ASGIApp) -> int:
        """Let an application answer; returns the status."""
        await app(self._scope, self._receive, self._send)
        return self.status

    def json(self) -> Any:  # noqa: ANN401 - whatever the application answered
        """Read the answer."""
        return json.loads(self.body)

    async def _receive(self) -> Message:
        if self._parts:
            self.parts_taken += 1
            part = self._parts.pop(0)
            is_last = self._is_whole and not self._parts
            return {"type": "http.request", "body": part, "more_body": not is_last}
        self.is_stalled.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        self.body += message.get("body", b"")
