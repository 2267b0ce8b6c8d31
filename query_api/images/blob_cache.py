"""The bytes that were asked for last, kept in memory up to a bound."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from domain.values import BlobKey

_LARGEST_SHARE = 8  # one picture may take an eighth of the room


class BlobCache:
    """Reads blobs through a bounded memory.

    Blobs are named by their content and never change, so what is kept is never stale. Several who
    ask for one blob at the same moment cause one read. Errors of ``read`` pass through and are not
    remembered.
    """

    def __init__(self, read: Callable[[BlobKey], Awaitable[bytes]], *, at_most_bytes: int) -> None:
        self._read = read
        self._at_most_bytes = at_most_bytes
        self._kept: OrderedDict[BlobKey, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._reading: dict[BlobKey, asyncio.Task[bytes]] = {}

    async def get(self, key: BlobKey) -> bytes:
        """Give the bytes of a blob."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        reading = self._reading.get(key)
        if reading is None:
            reading = asyncio.create_task(self._load(key))
            self._reading[key] = reading
            reading.add_done_callback(lambda _: self._reading.pop(key))
        return await asyncio.shield(reading)

    async def _load(self, key: BlobKey) -> bytes:
        data = await self._read(key)
        if len(data) * _LARGEST_SHARE <= self._at_most_bytes:
            self._kept[key] = data
            self._kept_bytes += len(data)
        while self._kept_bytes > self._at_most_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= len(dropped)
        return data
