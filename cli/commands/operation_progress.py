"""Shows an operation as it gets on, until it has ended."""

import time
from collections.abc import Callable
from typing import Any

from rich.progress import TimeRemainingColumn

from cli.api_client import ApiProblem
from cli.output import progress_bars

ENDED = ("completed", "failed", "cancelled")

_POLL_SECONDS = 0.5
_UNSEEN_SECONDS = 30.0
_NOT_FOUND = 404


def watch_operation(look: Callable[[], dict[str, Any]], *, until_ended: bool) -> dict[str, Any]:
    """Look once, or until the operation has ended, and return what was seen last.

    One that was begun a moment ago may not be shown yet, and is waited for. Ctrl-C ends the
    watching, not the operation.
    """
    found = _first(look)
    if not until_ended:
        return found
    with progress_bars("{task.fields[note]}", TimeRemainingColumn()) as shown:
        bar = shown.add_task(found["kind"], note="")
        while True:
            progress = found["progress"]
            note = f"{progress['assets_per_minute']}/min, {found['state']}"
            shown.update(bar, completed=progress["done"], total=progress["total"], note=note)
            if found["state"] in ENDED:
                return found
            time.sleep(_POLL_SECONDS)
            found = look()


def _first(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    deadline = time.monotonic() + _UNSEEN_SECONDS
    while True:
        try:
            return look()
        except ApiProblem as refused:
            if refused.status != _NOT_FOUND or time.monotonic() > deadline:
                raise
        time.sleep(_POLL_SECONDS)
