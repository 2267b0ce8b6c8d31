"""The HTTP server: runs a service until it is told to stop, and loses no request then."""

import asyncio
import resource
from contextlib import suppress
from functools import partial
from socket import socket
from types import FrameType
from typing import cast

import uvicorn
from fastapi import FastAPI

from infra.api_settings import HttpSettings
from infra.gc_tuning import tune_garbage_collector
from infra.http.client_connection import ClientConnection
from infra.http.connection_table import ConnectionLimits, ConnectionTable
from infra.http.problems import Problems
from infra.http.readiness import Readiness

_LEAVE_SECONDS = 2.0  # readiness is asked about once a second: by then nobody sends new work
_DRAIN_SECONDS = 15
_TICKS_PER_SECOND = 10  # of uvicorn's main loop
_OTHER_FILES = 200  # besides connections: to the stores, blobs and bodies on their way


class HttpServer(uvicorn.Server):
    """Says it is not ready first, and stops listening a moment later.

    Connections that their clients hold up are ended every now and then.
    """

    def __init__(
        self, config: uvicorn.Config, readiness: Readiness, connections: ConnectionTable
    ) -> None:
        super().__init__(config)
        self.connections = connections
        self._readiness = readiness
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_told = False

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen, and remember the loop that signals have to reach."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Look after the connections."""
        if counter % round(self.connections.limits.look_seconds * _TICKS_PER_SECOND) == 0:
            self.connections.end_overdue()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop in two steps; uvicorn calls this for each signal."""
        loop, is_told_again = self._loop, self._is_told
        self._readiness.stop()
        self._is_told = True
        if loop is None or is_told_again:
            super().handle_exit(sig, frame)
            return
        stop = super().handle_exit
        loop.call_soon_threadsafe(loop.call_later, _LEAVE_SECONDS, stop, sig, frame)


def new_server(
    app: FastAPI,
    readiness: Readiness,
    *,
    host: str,
    port: int,
    limits: ConnectionLimits,
    problem_base_url: str,
) -> HttpServer:
    """Put a server together that listens once it is run."""
    connections = ConnectionTable(limits)
    speaking = partial(
        ClientConnection, connections=connections, problems=Problems(problem_base_url)
    )
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=cast("type[asyncio.Protocol]", speaking),  # it is called as the class would be
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    return HttpServer(config, readiness, connections)


def serve(
    app: FastAPI,
    readiness: Readiness,
    *,
    host: str,
    port: int,
    http: HttpSettings,
    problem_base_url: str,
) -> None:
    """Serve until SIGTERM or Ctrl-C, in one process.

    On the first signal ``/readyz`` fails at once while everything else is still answered; after 2 s
    no connection is accepted any more, and what is under way has 15 s to end. A second signal
    skips the wait.
    """
    server = new_server(
        app,
        readiness,
        host=host,
        port=port,
        limits=ConnectionLimits(
            most=min(http.max_connections, _files_for(http.max_connections)),
            head_bytes=http.max_head_bytes,
            head_seconds=http.head_seconds,
            send_idle_seconds=http.send_idle_seconds,
            send_seconds=http.send_seconds,
        ),
        problem_base_url=problem_base_url,
    )
    tune_garbage_collector()
    with suppress(KeyboardInterrupt):  # raised again by uvicorn once all is closed
        server.run()


def _files_for(connections: int) -> int:
    """Have as many files allowed as connections need; say how many connections that makes."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if allowed < wanted:
        allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return max(1, allowed - _OTHER_FILES)
