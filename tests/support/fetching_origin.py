"""A hostile web server on loopback that says exactly the bytes a test tells it to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Origin:
    """Where the server listens, and every request that it has read."""

    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    visitor_left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@asynccontextmanager
async def origin(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Origin]:
    """Serve the script to each visitor, after reading the request."""
    here = Origin()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            here.requests.append(await reader.readuntil(b"\r\n\r\n"))
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the visitor left, or the test is over
        finally:
            here.visitor_left.set()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    here.port = server.sockets[0].getsockname()[1]
    async with server:
        yield here


def says(*parts: bytes) -> Script:
    """Answer with these bytes, then hang up."""

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return script


def repeats(start: bytes, part: bytes) -> Script:
    """Answer with the start, then the part again and again until the visitor leaves."""

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(part)
            await writer.drain()

    return script


def drips(start: bytes, part: bytes) -> Script:
    """Answer with the start, then the part again and again, slowly."""

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)

    return script


def hangs(start: bytes = b"") -> Script:
    """Answer with the start, then nothing more until the visitor leaves."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await reader.read()

    return script


def resets(start: bytes) -> Script:
    """Answer with the start, then tear the connection down."""

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await writer.drain()
        writer.transport.abort()

    return script


def answer(
    status: int, headers: Iterable[str] = (), body: bytes = b"", *, length: int | None = None
) -> bytes:
    """Spell an answer; ``length`` lies about the body's."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {size}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def redirect(location: str, status: int = 302) -> bytes:
    """Spell a redirect."""
    return answer(status, [f"Location: {location}"], b"elsewhere")
