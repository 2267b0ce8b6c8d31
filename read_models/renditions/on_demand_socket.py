"""Asking for a rendition that is not there yet: one line each way over a Unix socket."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from domain.values import BlobKey, Sha256
from infra.errors import BlobNotFound, Overloaded, StoreUnavailable, TransformationFailed

_LINE_BYTES = 8_192
_PRIVATE = 0o600
_Told = Literal["made", "gone", "busy", "too_many", "failed", "store", "fault"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenditionRequest:
    """Make ``words`` of the original; domain.transformations says what that means.

    ``asset`` is the folder of the asset whose original it is; what is made is kept there too.
    ``watermark`` names the picture to be laid on it, if any is.
    """

    asset: BlobKey
    original_key: BlobKey
    original: Sha256
    words: str
    watermark: Sha256 | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RenditionReply:
    """What became of an order; ``made`` means that its blob is in the store."""

    outcome: _Told
    detail: str = ""


class RenditionClient:
    """Asks the process that renders on demand: ``streams.rendering.on_demand``."""

    def __init__(self, place: Path, *, timeout_seconds: float) -> None:
        self._place = place
        self._timeout_seconds = timeout_seconds

    async def make(self, order: RenditionRequest) -> None:
        """Return once the blob is in the store; asking again changes nothing.

        Raises Overloaded when the process does not answer, has too much to do or a fault of ours,
        BlobNotFound when the original is gone, StoreUnavailable, and TransformationFailed when it
        cannot be made.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                told = await self._ask(order)
        except (OSError, EOFError, TimeoutError, msgspec.DecodeError) as error:
            raise Overloaded("pictures are not rendered on demand at the moment") from error
        match told.outcome:
            case "made":
                return
            case "gone":
                raise BlobNotFound(told.detail)
            case "busy" | "fault":
                raise Overloaded(told.detail)
            case "store":
                raise StoreUnavailable(told.detail)
            case "too_many" | "failed":
                raise TransformationFailed(told.detail)

    async def _ask(self, order: RenditionRequest) -> RenditionReply:
        reader, writer = await asyncio.open_unix_connection(str(self._place), limit=_LINE_BYTES)
        try:
            writer.write(msgspec.json.encode(order) + b"\n")
            return msgspec.json.decode(await reader.readuntil(b"\n"), type=RenditionReply)
        finally:
            writer.close()


async def serve_rendition_requests(
    place: Path, work: Callable[[RenditionRequest], Awaitable[RenditionReply]]
) -> asyncio.Server:
    """Serve orders at a socket that only its owner may use; what lay there is replaced.

    Raises OSError when the folder is not there or the path is longer than a socket's may be.
    """

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError):
            try:
                order = msgspec.json.decode(await reader.readuntil(b"\n"), type=RenditionRequest)
                told = await work(order)
            except msgspec.DecodeError:
                told = RenditionReply(outcome="failed", detail="this is no order")
            writer.write(msgspec.json.encode(told) + b"\n")
            await writer.drain()
        writer.close()

    return await asyncio.start_unix_server(converse, sock=_private(place), limit=_LINE_BYTES)


def _private(place: Path) -> socket.socket:
    """Bind a socket; nobody can connect before it listens, and then only its owner."""
    place.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(place))
    place.chmod(_PRIVATE)
    return bound
