"""A load generator that costs little: keep-alive connections that ask for one path, over and over."""

import asyncio
import time
from multiprocessing import get_context
from urllib.parse import urlsplit

_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


def requests_per_second(
    url: str, headers: dict[str, str], *, connections: int, count: int
) -> float:
    """Ask ``count`` times in a process of its own; raises RuntimeError for any answer but 200."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_run, (url, headers, connections, count))


def _run(url: str, headers: dict[str, str], connections: int, count: int) -> float:
    place = urlsplit(url)
    lines = [f"GET {place.path}?{place.query} HTTP/1.1", f"Host: {place.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    request = "\r\n".join([*lines, "", ""]).encode()

    async def measure() -> float:
        began = time.perf_counter()
        each = count // connections
        await asyncio.gather(
            *(
                _ask(place.hostname or "", place.port or 80, request, each)
                for _ in range(connections)
            )
        )
        return each * connections / (time.perf_counter() - began)

    return asyncio.run(measure())


async def _ask(host: str, port: int, request: bytes, times: int) -> None:
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
    for _ in range(times):
        writer.write(request)
        head = (await reader.readuntil(_END)).lower()
        if b" 200 " not in head[:16]:
            raise RuntimeError(head.decode(errors="replace"))
        begin = head.index(_LENGTH) + len(_LENGTH)
        await reader.readexactly(int(head[begin : head.index(b"\r\n", begin)]))
    writer.close()
