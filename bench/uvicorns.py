"""Services that a measurement asks: one process each, served as ours are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import uvicorn

from avro_schemas.encryption import use_encryptor
from cli.api_client import responds_ok
from infra.encryption import installation_keyring
from infra.local_cluster import free_port
from infra.settings import load
from tests.support.eventually import eventually


@contextmanager
def serving(make: Callable[..., Any], *arguments: object) -> Iterator[str]:
    """Serve the application that ``make`` builds in the new process; give its address."""
    port = free_port()
    process = get_context("spawn").Process(target=_serve, args=(port, make, arguments), daemon=True)
    process.start()
    try:
        eventually(lambda: responds_ok(f"http://127.0.0.1:{port}/openapi.json"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.join()


def _serve(port: int, make: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    use_encryptor(installation_keyring(load()))  # of whoever began this, by the environment
    uvicorn.run(
        make(*arguments),
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        server_header=False,
    )
