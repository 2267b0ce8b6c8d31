"""The table of connections of a process: bounded, and stalled ones are closed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class HeldConnection(Protocol):
    """What is held open for a client: infra.http.client_connection.ClientConnection."""

    def unsent_bytes(self) -> int:
        """Tell how much of an answer the client has not taken."""

    def end(self) -> None:
        """Break the connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """What one client may hold, and for how long.

    The head of a request has to come within ``head_seconds`` of the connection, or of the answer
    before it. Of an answer something has to be taken every ``send_idle_seconds``, and all that
    waits within ``send_seconds``. Every ``look_seconds`` that is looked at.
    """

    most: int
    head_bytes: int
    head_seconds: float
    send_idle_seconds: float
    send_seconds: float
    look_seconds: float = 1.0


@dataclass(slots=True)
class _Sending:
    """An answer that its client has not taken whole, as it was seen last."""

    since: float
    progress_at: float
    unsent_bytes: int


class ConnectionTable:
    """Knows which connections wait for their client, and since when.

    When there are as many as there may be, the one that has waited longest for a request makes
    room, else the one whose answer has waited longest. So silent ones shut nobody out.
    """

    def __init__(
        self, limits: ConnectionLimits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = limits
        self._clock = clock
        self._all: set[HeldConnection] = set()
        # Both have the one that waits longest in front.
        self._silent: dict[HeldConnection, float] = {}
        self._sending: dict[HeldConnection, _Sending] = {}

    def __len__(self) -> int:
        """Count them."""
        return len(self._all)

    def join(self, one: HeldConnection) -> bool:
        """Take one in; say no when all others are at work."""
        if len(self._all) >= self.limits.most:
            has_all = (each for each in self._silent if not each.unsent_bytes())
            longest = next(has_all, None) or next(iter(self._sending), None)
            if longest is None:
                return False
            self._end(longest)
        self._all.add(one)
        self.wait(one)
        return True

    def leave(self, one: HeldConnection) -> None:
        """Forget one."""
        self._all.discard(one)
        self._silent.pop(one, None)
        self._sending.pop(one, None)

    def wait(self, one: HeldConnection) -> None:
        """Begin to wait for the head of its next request."""
        if one in self._all:
            self._silent.pop(one, None)
            self._silent[one] = self._clock()

    def begin(self, one: HeldConnection) -> None:
        """Wait no longer for it: a request is there."""
        self._silent.pop(one, None)

    def end_overdue(self) -> None:
        """End those whose time is over; call it now and then, and progress is seen as often."""
        now = self._clock()
        for one in list(self._all):
            if self._is_stuck(one, now):
                self._end(one)
        for one, since in list(self._silent.items()):
            if now - since < self.limits.head_seconds:
                break  # the others began to wait later
            if one not in self._sending:
                self._end(one)

    def _is_stuck(self, one: HeldConnection, now: float) -> bool:
        unsent_bytes = one.unsent_bytes()
        if not unsent_bytes:
            if self._sending.pop(one, None) is not None and one in self._silent:
                self.wait(one)  # it can only have begun to think of another request now
            return False
        seen = self._sending.setdefault(one, _Sending(now, now, unsent_bytes))
        if unsent_bytes > seen.unsent_bytes:
            seen.since = now  # more is written only once most of what waited was taken
        if unsent_bytes != seen.unsent_bytes:
            seen.unsent_bytes, seen.progress_at = unsent_bytes, now
        is_idle = now - seen.progress_at >= self.limits.send_idle_seconds
        return is_idle or now - seen.since >= self.limits.send_seconds

    def _end(self, one: HeldConnection) -> None:
        self.leave(one)
        one.end()
