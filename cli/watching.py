"""Keeps the platform up: what ends by itself is started again, until somebody stops it all."""

import time
from collections.abc import Callable, Collection
from typing import Protocol

from domain.errors import ScaleHosterError

_LOOK_SECONDS = 1.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_STEADY_SECONDS = 120.0

Progress = Callable[[str], None]


class Watched(Protocol):
    """What is watched: cli.platform.Platform."""

    def ended(self) -> Collection[str]:
        """Name what should run and does not."""

    def revive(self, progress: Progress) -> bool:
        """Start what does not run; False when it was all stopped on purpose meanwhile."""

    def is_wanted(self) -> bool:
        """Tell whether nobody stopped it on purpose since it was started."""


def watch(
    platform: Watched,
    progress: Progress,
    now: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Start again what ended by itself, until ``scalehoster down``.

    What ends again soon is started after ever longer pauses, a minute at most, so that a broken
    service does not use the whole machine. A start that fails is said and tried again likewise.
    Nothing is stopped here: whoever interrupts the watch leaves the platform as it is.
    """
    pause_seconds, started_at = _FIRST_PAUSE_SECONDS, now()
    while platform.is_wanted():
        ended = platform.ended()
        if not ended:
            if now() - started_at > _STEADY_SECONDS:
                pause_seconds = _FIRST_PAUSE_SECONDS
            pause(_LOOK_SECONDS)
            continue
        progress(f"{', '.join(ended)}: ended; starting again in {pause_seconds:.0f} s")
        pause(pause_seconds)
        pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
        try:
            if not platform.revive(progress):
                return
        except (ScaleHosterError, OSError) as error:
            progress(f"{error}")
        started_at = now()
