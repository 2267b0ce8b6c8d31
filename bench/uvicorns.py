"""Services that a measurement asks: one process each, served as ours are."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import uvicorn

from infra.cluster import free_port

_PATIENCE_SECONDS = 60.0


@contextmanager
def serving(make: Callable[..., Any], *arguments: object) -> Iterator[str]:
    """Serve the application that ``make`` builds in the new process; give its address."""
    port = free_port()
    process = get_context("spawn").Process(target=_serve, args=(port, make, arguments), daemon=True)
    process.start()
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.join()


def _serve(port: int, make: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    uvicorn.run(
        make(*arguments),
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        server_header=False,
    )


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json"):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise TimeoutError(f"nothing answers on port {port}")
