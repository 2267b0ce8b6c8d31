"""A service on a real socket of this machine, in a thread of the test's own process."""

import socket
from contextlib import suppress
from threading import Thread
from typing import Self

from fastapi import FastAPI

from infra.http.connection_table import ConnectionLimits
from infra.http.readiness import Readiness
from infra.http.server import HttpServer, new_server
from tests.support.eventually import eventually

PATIENT = ConnectionLimits(
    most=100, head_bytes=32_768, head_seconds=10, send_idle_seconds=30, send_seconds=300
)


class Loopback:
    """Serves an application as its process does; use it as a context."""

    def __init__(
        self, app: FastAPI, readiness: Readiness, limits: ConnectionLimits = PATIENT
    ) -> None:
        self.server: HttpServer = new_server(
            app,
            readiness,
            host="127.0.0.1",
            port=0,
            limits=limits,
            problem_base_url="http://problems.example",
        )
        self.server.config.timeout_graceful_shutdown = 1
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        self._thread = Thread(target=self.server.run, args=([self._listening],))

    def __enter__(self) -> Self:
        self._thread.start()
        eventually(lambda: self.server.started, within_seconds=20)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()

    def client(self) -> socket.socket:
        """Connect to it; use what it gives as a context."""
        return socket.create_connection(self._listening.getsockname(), timeout=20)

    def is_idle(self) -> bool:
        """Whether nobody is connected."""
        return not len(self.server.connections)


def rest(client: socket.socket) -> bytes:
    """Read until the server ends the connection."""
    found = bytearray()
    with suppress(ConnectionError):
        while data := client.recv(1 << 16):
            found += data
    return bytes(found)
