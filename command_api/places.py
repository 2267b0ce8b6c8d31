"""A few places for work that takes long: more of it is turned away, not queued."""

from collections.abc import Iterator
from contextlib import contextmanager

from infra.errors import Overloaded


class Places:
    """So many at once; ``what`` names them in the plural."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._taken = 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold a place; raises Overloaded."""
        if self._taken >= self._most:
            raise Overloaded(f"too many {self._what} are under way")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
