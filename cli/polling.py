"""Polling until a condition holds, or a time-out that names the condition."""

import time
from collections.abc import Callable

from infra.errors import InfraError

_PAUSE_SECONDS = 0.1


class WaitTimedOut(InfraError):
    """What was waited for did not happen in time."""


def wait_for(probe: Callable[[], bool], what: str, within_seconds: float) -> None:
    """Poll until the probe returns True; raises WaitTimedOut with the name of ``what``."""
    deadline = time.monotonic() + within_seconds
    while not probe():
        if time.monotonic() > deadline:
            raise WaitTimedOut(f"waited {within_seconds:.0f} s for {what}")
        time.sleep(_PAUSE_SECONDS)
