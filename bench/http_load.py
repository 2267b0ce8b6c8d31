"""A load generator that costs little: keep-alive connections that send one request, over and over.

It runs as a process of its own (``python -m bench.http_load``), told what to do as JSON.
"""

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from statistics import quantiles
from typing import cast
from urllib.parse import urlsplit

import uvloop

_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_NUMBER = b"%23"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came back: answers a second over all connections, and how long one took."""

    per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent, and the status that is expected for it.

    A ``%23`` in it is another number each time, for those who want no two requests alike.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: str = ""
    status: int = 200


def load(request: Request, *, connections: int, count: int) -> Load:
    """Send a request ``count`` times; raises RuntimeError for any answer of another status."""
    told = json.dumps([asdict(request), connections, count])
    command = [sys.executable, "-m", "bench.http_load"]
    ran = subprocess.run(command, input=told, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stderr[-2_000:])
    return Load(**json.loads(ran.stdout))


def requests_per_second(
    url: str, headers: dict[str, str], *, connections: int, count: int
) -> float:
    """GET a URL ``count`` times; raises RuntimeError for any answer but 200."""
    return load(Request(url=url, headers=headers), connections=connections, count=count).per_second


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the one before is complete."""

    def __init__(
        self,
        request: bytes,
        status: int,
        times: int,
        numbers: Iterator[int],
        done: asyncio.Future[None],
    ) -> None:
        self.seconds: list[float] = []
        self._request = request
        self._numbers = numbers
        self._expected = f"HTTP/1.1 {status} ".encode()
        self._left = times
        self.done = done
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(_END)
        if not end:
            return
        head = head.lower() + b"\r\n"
        begin = head.index(_LENGTH) + len(_LENGTH)
        if len(body) < int(head[begin : head.index(b"\r\n", begin)]):
            return
        self.seconds.append(time.perf_counter() - self._sent_at)
        if self._buffer.startswith(self._expected):
            self._buffer = b""
            self._send()
        else:
            self._fail(RuntimeError(self._buffer.decode(errors="replace")))

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or RuntimeError("the server hung up"))

    def _send(self) -> None:
        if self._left:
            self._left -= 1
            self._sent_at = time.perf_counter()
            self._transport.write(self._request.replace(_NUMBER, b"%06d" % next(self._numbers)))
        elif not self.done.done():
            self.done.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


async def _run(request: Request, connections: int, count: int) -> Load:
    each, numbers = max(1, count // connections), itertools.count(1)
    began = time.perf_counter()
    found = await asyncio.gather(*(_ask(request, each, numbers) for _ in range(connections)))
    lasted = time.perf_counter() - began
    centiles = quantiles((one for seconds in found for one in seconds), n=100)
    return Load(
        per_second=each * connections / lasted,
        p50_ms=centiles[49] * 1e3,
        p99_ms=centiles[98] * 1e3,
    )


async def _ask(request: Request, times: int, numbers: Iterator[int]) -> list[float]:
    """Use one connection that often; give how long each answer took."""
    loop, place = asyncio.get_running_loop(), urlsplit(request.url)
    connection = _Connection(
        _written(request), request.status, times, numbers, loop.create_future()
    )
    await loop.create_connection(lambda: connection, place.hostname or "", place.port or 80)
    await connection.done
    return connection.seconds


def _written(request: Request) -> bytes:
    place, body = urlsplit(request.url), request.body.encode()
    path = f"{place.path}?{place.query}" if place.query else place.path
    lines = [f"{request.method} {path} HTTP/1.1", f"Host: {place.netloc}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


if __name__ == "__main__":
    wish, *numbers = json.load(sys.stdin)
    print(json.dumps(asdict(uvloop.run(_run(Request(**wish), *numbers)))))
