"""Wait for something by looking at it, never by guessing how long it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

_Sample = TypeVar("_Sample")


def eventually(
    probe: Callable[[], _Sample],
    *,
    within_seconds: float = 60.0,
    every_seconds: float = 0.05,
) -> _Sample:
    """Call the probe until it answers something true, and return that.

    A probe that raises has not answered yet. Fails with the probe's name and the last
    thing it answered or raised, so that a red test says what was seen instead.
    """
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            sample = probe()
            last = f"answered {sample!r}"
        except Exception as error:  # noqa: BLE001 - whatever it raises may be over next time
            sample, last = None, f"raised {error!r}"
        if sample:
            return sample
        if time.monotonic() >= deadline:
            name = getattr(probe, "__qualname__", repr(probe))
            raise AssertionError(f"{name} last {last}, after {within_seconds} s")
        time.sleep(every_seconds)
