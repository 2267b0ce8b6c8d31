"""GrowthRate: how fast a count grows, such as the offsets that a rebuild has behind it."""

import time
from collections import deque
from collections.abc import Callable

_WINDOW_SECONDS = 10.0


class GrowthRate:
    """How fast a count has grown over the last ten seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()

    def at(self, count: int) -> float:
        """Take notice of the count as it is now; give its growth a second."""
        now = self._clock()
        self._samples.append((now, count))
        while now - self._samples[0][0] > _WINDOW_SECONDS:
            self._samples.popleft()
        began, first = self._samples[0]
        return (count - first) / (now - began) if now > began else 0.0
