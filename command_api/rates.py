"""How many requests each API key may send: one bucket of tokens per key."""

import math
import time
from collections.abc import Callable

from infra.web.errors import RateLimited


class Rates:
    """Lets each key send so many requests per second, and a second's worth at once.

    Keys are few (only valid ones are asked about), so buckets are kept.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._size = max(1.0, per_second)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key_id: str) -> None:
        """Count one request; raises RateLimited when the key has none left."""
        now = self._clock()
        tokens, filled_at = self._buckets.get(key_id, (self._size, now))
        tokens = min(self._size, tokens + (now - filled_at) * self._per_second)
        if tokens < 1:
            raise self._refusal((1 - tokens) / self._per_second)
        self._buckets[key_id] = tokens - 1, now

    def _refusal(self, seconds: float) -> RateLimited:
        whole = math.ceil(seconds)
        window = math.ceil(self._size / self._per_second)
        return RateLimited(
            f"this API key may send {self._per_second:g} requests per second; wait {whole} s",
            headers={
                "Retry-After": str(whole),
                "RateLimit-Policy": f'"key";q={math.floor(self._size)};w={window}',
                "RateLimit": f'"key";r=0;t={whole}',
            },
        )
