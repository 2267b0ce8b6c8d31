"""How far a rebuild is, how fast it goes, and when it will be there."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from infra.cassandra.view_store import Checkpoint
from infra.kafka.group_consumer import Partition

_WINDOW_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildProgress:
    """Offsets of the log that are behind a generation, of those there were when it was begun.

    ``events`` is how many messages that were, without the markers of transactions. ``eta_seconds``
    is None while nobody knows.
    """

    done: int
    target: int
    events: int
    offsets_per_second: float

    @property
    def is_complete(self) -> bool:
        """Whether all that was there when it was begun is applied."""
        return self.done >= self.target

    @property
    def eta_seconds(self) -> float | None:
        """Say how long the rest takes at this rate."""
        if self.is_complete:
            return 0.0
        if self.offsets_per_second <= 0:
            return None
        return (self.target - self.done) / self.offsets_per_second


def progress(
    targets: Mapping[Partition, int], checkpoints: Iterable[Checkpoint], offsets_per_second: float
) -> RebuildProgress:
    """Compare checkpoints with where the log ended."""
    saved = list(checkpoints)
    return RebuildProgress(
        done=sum(
            min(each.applied_offset, targets.get((each.topic, each.partition), 0)) for each in saved
        ),
        target=sum(targets.values()),
        events=sum(each.event_count for each in saved),
        offsets_per_second=offsets_per_second,
    )


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
