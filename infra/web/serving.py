"""Running a service until it is told to stop, and stopping without losing a request."""

import asyncio
from contextlib import suppress
from socket import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from infra.collecting import collect_seldom
from infra.web.health import Readiness

_LEAVE_SECONDS = 2.0  # readiness is asked about once a second: by then nobody sends new work
_DRAIN_SECONDS = 15


class _Server(uvicorn.Server):
    """Says it is not ready first, and stops listening a moment later."""

    def __init__(self, config: uvicorn.Config, readiness: Readiness) -> None:
        super().__init__(config)
        self._readiness = readiness
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_told = False

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen, and remember the loop that signals have to reach."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

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


def serve(app: FastAPI, readiness: Readiness, *, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C, in one process.

    On the first signal ``/readyz`` fails at once while everything else is still answered; after 2 s
    no connection is accepted any more, and what is under way has 15 s to end. A second signal
    skips the wait.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    collect_seldom()
    with suppress(KeyboardInterrupt):  # raised again by uvicorn once all is closed
        _Server(config, readiness).run()
