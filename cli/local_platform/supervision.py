"""One part of the platform, kept up by itself: when it may start, and when it is started again."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_STEADY_SECONDS = 120.0

ProgressReporter = Callable[[str], None]
Clock = Callable[[], float]


class StoppedOnPurpose(Exception):
    """The platform was stopped, so nothing may be started any more."""


class ManagedProcess(Protocol):
    """A program that outlives its starter."""

    @property
    def pid(self) -> int | None:
        """The pid while it runs."""

    @property
    def startup_seconds(self) -> float:
        """How long it may take to answer before that is worth a word."""

    def is_outdated(self) -> bool:
        """Tell whether it runs with other settings than it would be started with now."""

    def answers(self) -> bool:
        """Tell whether it does what it is there for; asked only until it does."""

    def start(self) -> None:
        """Begin to run it; raises StoppedOnPurpose, or what kept it from running."""

    def last_log_line(self) -> str:
        """Give the last line of its log."""


class SupervisedComponent(ABC):
    """A part with its own needs and its own back-off; nothing else holds it up.

    What it needs is looked at only when it is to be started: a part that runs is left alone when a
    server it uses goes away. After a failure, or an end by itself, it waits a second, then ever
    longer up to a minute; two minutes up and it begins with a second again. Everything that happens
    to it is said once, with the reason. ``failure`` is the reason why it is not up.
    """

    def __init__(
        self,
        name: str,
        needs: Sequence["SupervisedComponent"],
        progress: ProgressReporter,
        now: Clock,
    ) -> None:
        self.name = name
        self.needs = needs
        self.is_up = False
        self.times_up = 0
        self.failure = ""
        self._progress = progress
        self._now = now
        self._next_at = now()
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._up_since: float | None = None
        self._said_missing: list[str] = []

    @abstractmethod
    def check(self) -> None:
        """Look at it once, and start it when it should run, may, and does not."""

    def mark_down(self, why: str) -> None:
        """Take it for down, and wait before it is started again."""
        if self._up_since is not None and self._now() - self._up_since > _STEADY_SECONDS:
            self._pause_seconds = _FIRST_PAUSE_SECONDS
        self.is_up = False
        self._up_since = None
        self.failure = why
        self._say(f"{why}; starting again in {self._pause_seconds:.0f} s")
        self._next_at = self._now() + self._pause_seconds
        self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)

    def missing(self) -> list[str]:
        """Name what it needs and is not up."""
        return [need.name for need in self.needs if not need.is_up]

    def _may_start(self) -> bool:
        if self._now() < self._next_at:
            return False
        missing = self.missing()
        if missing and missing != self._said_missing:
            self._say(f"waits for {' and '.join(missing)}")
        self._said_missing = missing
        return not missing

    def _tried(self, start: Callable[[], None]) -> bool:
        try:
            start()
        except StoppedOnPurpose:
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, it is said, and tried again
            self.mark_down(str(error) or type(error).__name__)
            return False
        return True

    def _mark_up(self, said: str) -> None:
        self.is_up = True
        self.times_up += 1
        self.failure = ""
        self._up_since = self._now()
        self._say(said)

    def _say(self, text: str) -> None:
        self._progress(f"{self.name}: {text}")


class SupervisedProcess(SupervisedComponent):
    """A process of its own; it is up from its first answer until it ends."""

    def __init__(
        self,
        name: str,
        process: ManagedProcess,
        needs: Sequence[SupervisedComponent],
        progress: ProgressReporter,
        now: Clock,
    ) -> None:
        super().__init__(name, needs, progress, now)
        self._process = process
        self._known: int | None = None
        self._is_first_look = True
        self._was_started = False
        self._began_at = now()

    def check(self) -> None:
        """Look at it once, and start it when it may run and does not.

        What ran with other settings before the first look is started again, once that may be.
        """
        pid = self._process.pid
        if pid is None:
            if self._known is not None or self._was_started:
                self._known, self._was_started = None, False
                self.mark_down(f"ended ({self._process.last_log_line()})")
            if self._may_start():
                self._start("starting")
        elif self._is_first_look and self._process.is_outdated():
            if self._may_start():
                self._start("runs with other settings; starting again")
        else:
            self._watch(pid)

    def _start(self, said: str) -> None:
        self._say(said)
        self.is_up, self._known = False, None
        self._was_started = self._tried(self._process.start)
        if self._was_started:
            self.failure = ""
        self._is_first_look = self._is_first_look and not self._was_started
        self._began_at = self._now()

    def _watch(self, pid: int) -> None:
        self._is_first_look = False
        if pid != self._known:
            if self._known is not None:
                self._say(f"ended, and was started by somebody else as {pid}")
            self.is_up, self._known, self._began_at = False, pid, self._now()
        if self.is_up:
            return
        if self._process.answers():
            self._mark_up("up")
        elif not self.failure and self._now() - self._began_at > self._process.startup_seconds:
            self.failure = (
                f"runs and has not answered for {self._process.startup_seconds:.0f} s"
                f" ({self._process.last_log_line()})"
            )
            self._say(self.failure)


class SupervisedStep(SupervisedComponent):
    """Something that must have been done once; it is done again when what it needs came back.

    Once done it stays up: that it is due again holds nobody up.
    """

    def __init__(
        self,
        name: str,
        do: Callable[[], str],
        needs: Sequence[SupervisedComponent],
        progress: ProgressReporter,
        now: Clock,
    ) -> None:
        super().__init__(name, needs, progress, now)
        self._do = do
        self._done_after: list[int] = []

    def check(self) -> None:
        """Do it, if that is due and may be done now."""
        seen = [need.times_up for need in self.needs]
        if seen == self._done_after or not self._may_start():
            return
        was_up, said = self.is_up, ""

        def do() -> None:
            nonlocal said
            said = self._do()

        if self._tried(do):
            self._done_after = seen
            self._mark_up(said)
        else:
            self.is_up = was_up
