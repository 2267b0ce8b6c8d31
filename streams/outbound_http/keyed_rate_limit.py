"""A rate limit for each key: so many at once, and so many a second."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

_MANY = 1_000


class KeyedRateLimit:
    """A few slots per host, handed out in order and, with ``per_second``, not too fast.

    A host that nobody asks for costs nothing.
    """

    def __init__(
        self,
        max_per_host: int,
        per_second: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._max_per_host = max_per_host
        self._interval = 1 / per_second if per_second else 0.0
        self._clock = clock
        self._sleep = sleep
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._users: Counter[str] = Counter()
        self._next: dict[str, float] = {}

    @asynccontextmanager
    async def slot(self, host: str) -> AsyncIterator[None]:
        """Wait for a slot of this host, and hold it."""
        slots = self._slots.setdefault(host, asyncio.Semaphore(self._max_per_host))
        self._users[host] += 1
        try:
            async with slots:
                await self._keep_pace(host)
                yield
        finally:
            self._users[host] -= 1
            if not self._users[host]:
                del self._users[host], self._slots[host]

    async def _keep_pace(self, host: str) -> None:
        if not self._interval:
            return
        now = self._clock()
        begins_at = max(now, self._next.get(host, now))
        if len(self._next) >= _MANY:
            self._next = {each: at for each, at in self._next.items() if at > now}
        self._next[host] = begins_at + self._interval
        if begins_at > now:
            await self._sleep(begins_at - now)
