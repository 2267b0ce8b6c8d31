"""A load generator that costs little: keep-alive connections that ask over and over."""

import asyncio
import time
from itertools import count
from multiprocessing import get_context
from urllib.parse import urlsplit

_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_NUMBER = b"%23"


def requests_per_second(
    url: str, headers: dict[str, str], *, connections: int, requests: int
) -> float:
    """Ask so often, from a process of its own; a ``%23`` in the URL is another number each time.

    Raises RuntimeError for any answer but 200.
    """
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_run, (url, headers, connections, requests))


def _run(url: str, headers: dict[str, str], connections: int, requests: int) -> float:
    place = urlsplit(url)
    lines = [f"GET {place.path}?{place.query} HTTP/1.1", f"Host: {place.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    request = "\r\n".join([*lines, "", ""]).encode()
    numbers = count(1)
    each = requests // connections

    async def ask() -> None:
        reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=1 << 20)
        for _ in range(each):
            writer.write(request.replace(_NUMBER, b"%06d" % next(numbers)))
            head = (await reader.readuntil(_END)).lower()
            if b" 200 " not in head[:16]:
                raise RuntimeError(head.decode(errors="replace"))
            begin = head.index(_LENGTH) + len(_LENGTH)
            await reader.readexactly(int(head[begin : head.index(b"\r\n", begin)]))
        writer.close()

    async def measure() -> float:
        began = time.perf_counter()
        await asyncio.gather(*(ask() for _ in range(connections)))
        return each * connections / (time.perf_counter() - began)

    return asyncio.run(measure())
