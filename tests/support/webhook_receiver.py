"""A customer's server on loopback that takes webhooks, or refuses them, as its paths say."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

from standardwebhooks import Webhook

_LONGEST_HOLD_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One webhook as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def asset_id(self) -> str:
        return str(self.event["data"]["asset_id"])

    def verified(self, secret: str) -> dict[str, Any]:
        """Check the signature with the library that receivers use; raises when it is wrong."""
        return dict(Webhook(secret).verify(self.body, self.headers))


class HookReceiver:
    """Answers 204; ``/status/410/…`` that status, ``/failing/2/…`` 503 twice and then 204.

    ``/held/…`` is noted when it arrives and answered after ``release``.
    """

    def __init__(self) -> None:
        self.release = Event()
        self._told: list[Told] = []
        self._lock = Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def url(self, path: str) -> str:
        return f"http://{self.host}/{path}"

    def told(self, path: str) -> list[Told]:
        """List what arrived at a path, in order."""
        with self._lock:
            return [told for told in self._told if told.path == f"/{path}"]

    @contextmanager
    def running(self) -> Iterator["HookReceiver"]:
        self._thread.start()
        yield self
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers["Content-Length"])
        body = handler.rfile.read(length)
        if len(body) < length:  # whoever sent this was killed on the way: nobody was told
            handler.close_connection = True
            return
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            self._told.append(Told(path=handler.path, headers=headers, body=body))
            times = sum(told.path == handler.path for told in self._told)
        match handler.path.strip("/").split("/"):
            case ["status", status, *_]:
                handler.send_response(int(status))
            case ["failing", failures, *_] if times <= int(failures):
                handler.send_response(503)
            case ["held", *_]:
                self.release.wait(_LONGEST_HOLD_SECONDS)
                handler.send_response(204)
            case _:
                handler.send_response(204)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
