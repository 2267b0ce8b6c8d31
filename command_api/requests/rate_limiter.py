"""The rate limiter: a token bucket for each API key, or for each tenant."""

import math
import time
from collections.abc import Callable
from typing import Literal

from infra.http.errors import RateLimited

_NAMES = {"key": "this API key", "tenant": "the tenant of this API key, with all its keys,"}


class RateLimiter:
    """Lets each key, or each tenant, send so many requests a second, and a second's worth at once.

    A bucket that is full again is forgotten, so only those are kept that sent something within the
    last moments: revoked keys and tenants that are gone cost nothing.
    """

    def __init__(
        self,
        per_second: float,
        *,
        of: Literal["key", "tenant"],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second = per_second
        self._size = max(1.0, per_second)
        self._of = of
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # the one that was used last at the end

    def __len__(self) -> int:
        """Count the buckets that are kept."""
        return len(self._buckets)

    def check(self, name: str) -> None:
        """Raise RateLimited when there is no token left, and take none."""
        self._filled(name, self._clock())

    def take(self, name: str) -> None:
        """Count one request; raises RateLimited when there is no token left."""
        now = self._clock()
        tokens = self._filled(name, now)
        self._buckets.pop(name, None)
        self._buckets[name] = tokens - 1, now
        self._forget_full(now)

    def _filled(self, name: str, now: float) -> float:
        tokens, filled_at = self._buckets.get(name, (self._size, now))
        tokens = min(self._size, tokens + (now - filled_at) * self._per_second)
        if tokens < 1:
            raise self._refusal((1 - tokens) / self._per_second)
        return tokens

    def _forget_full(self, now: float) -> None:
        """Forget up to two buckets that were used longest ago and are full by now."""
        for _ in range(2):
            name = next(iter(self._buckets))
            if now - self._buckets[name][1] < self._size / self._per_second:
                return
            del self._buckets[name]

    def _refusal(self, seconds: float) -> RateLimited:
        whole = math.ceil(seconds)
        window = math.ceil(self._size / self._per_second)
        return RateLimited(
            f"{_NAMES[self._of]} may send {self._per_second:g} requests per second; wait {whole} s",
            headers={
                "Retry-After": str(whole),
                "RateLimit-Policy": f'"{self._of}";q={math.floor(self._size)};w={window}',
                "RateLimit": f'"{self._of}";r=0;t={whole}',
            },
        )
