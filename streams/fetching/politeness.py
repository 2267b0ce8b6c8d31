"""Bother no host with too many downloads at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class HostSlots:
    """A few slots per host, handed out in order; a host that nobody asks for costs nothing."""

    def __init__(self, max_per_host: int) -> None:
        self._max_per_host = max_per_host
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._users: Counter[str] = Counter()

    @asynccontextmanager
    async def slot(self, host: str) -> AsyncIterator[None]:
        """Wait for a slot of this host, and hold it."""
        slots = self._slots.setdefault(host, asyncio.Semaphore(self._max_per_host))
        self._users[host] += 1
        try:
            async with slots:
                yield
        finally:
            self._users[host] -= 1
            if not self._users[host]:
                del self._users[host], self._slots[host]
