"""Brings the parts of the platform up and keeps them up, each in a thread of its own."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from cli.local_platform.supervision import SupervisedComponent
from infra.errors import InfraError

_CHECK_SECONDS = 1.0
_SOON_SECONDS = 0.1  # while something is on its way up


class PlatformNotUp(InfraError):
    """Part of the platform did not come up."""


class PlatformSupervisor:
    """Looks at every part in a thread of its own, so that one that hangs delays no other.

    ``is_wanted`` tells whether nobody stopped the platform on purpose. Whoever interrupts a
    supervisor leaves what runs as it is.
    """

    def __init__(self, parts: Sequence[SupervisedComponent], is_wanted: Callable[[], bool]) -> None:
        self._parts = parts
        self._is_wanted = is_wanted
        self._ending = Event()

    def bring_up(self) -> None:
        """Return when every part is up, each having been tried once.

        Raises PlatformNotUp that says of each part that is not why, and what waits for it.
        """
        with self._looking(is_once=True):
            while self._is_wanted() and not all(map(_is_settled, self._parts)):
                time.sleep(_SOON_SECONDS)
        if not self._is_wanted():
            raise PlatformNotUp("the platform was stopped (scalehoster down) before it was up")
        down = [part for part in self._parts if not part.is_up]
        if down:
            raise PlatformNotUp("\n".join(f"{part.name}: {_reason(part)}" for part in down))

    def keep_up(self) -> None:
        """Start again what ends, until the platform is stopped on purpose."""
        with self._looking(is_once=False):
            while self._is_wanted():
                time.sleep(_SOON_SECONDS)

    @contextmanager
    def _looking(self, *, is_once: bool) -> Iterator[None]:
        threads = [
            Thread(target=self._look, args=(part, is_once), name=part.name, daemon=True)
            for part in self._parts
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ending.set()

    def _look(self, part: SupervisedComponent, is_once: bool) -> None:  # noqa: FBT001 - a thread's argument
        while self._is_wanted() and not self._ending.is_set():
            if is_once and part.failure:
                return
            try:
                part.check()
            except Exception as error:  # noqa: BLE001 - nothing ends a part's supervision unsaid
                part.mark_down(f"could not be looked at: {error!r}")
            self._ending.wait(_CHECK_SECONDS if part.is_up else _SOON_SECONDS)


def _is_settled(part: SupervisedComponent) -> bool:
    """Tell whether a part is up, or will not be: it failed, or what it needs did."""
    return part.is_up or bool(part.failure) or any(_has_failed(need) for need in part.needs)


def _has_failed(part: SupervisedComponent) -> bool:
    return not part.is_up and _is_settled(part)


def _reason(part: SupervisedComponent) -> str:
    return part.failure or f"waits for {' and '.join(part.missing())}"
