"""Progress of a long step: reported by a workflow, drawn by the command that started it."""

from collections.abc import Callable
from contextlib import AbstractContextManager

OnProgress = Callable[[int, int], None]
"""Takes how much is done, and how much there is in all."""

ProgressBar = Callable[[str], AbstractContextManager[OnProgress]]
"""Opens a bar with a label for one step; it is drawn while its context is open."""


def ignore_progress(_done: int, _total: int) -> None:
    """Draw nothing."""
