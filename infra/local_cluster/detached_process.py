"""A detached process: outlives its starter, known by its pid file."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

# The shell leaves at once, so the program's parent is init: nobody here has to reap it,
# and no Ctrl-C reaches it. It writes the pid itself: a caller killed meanwhile loses nothing.
_DETACH = '"$@" >"$LOG" 2>&1 </dev/null & echo $! >"$PID_FILE"'

_KILL_SECONDS = 10
_EXEC_SECONDS = 0.5
_PAUSE_SECONDS = 0.002
_ENDED = ("Z", "X")


class DetachedProcess:
    """One program, told apart from every other by a mark among its arguments.

    A pid file may be stale, its number taken by a stranger: a process counts as ours
    only while its command line carries the mark.
    """

    def __init__(self, *, mark: str, pid_file: Path, log: Path) -> None:
        self._mark = mark
        self._pid_file = pid_file
        self.log = log

    @property
    def pid(self) -> int | None:
        """The pid while the program runs."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return None
        return pid if self._mark in _arguments(pid) else None

    @property
    def arguments(self) -> list[str]:
        """What the running program was called with; empty when it does not run."""
        pid = self.pid
        return [] if pid is None else _arguments(pid)

    def spawn(self, command: Sequence[str], environment: Mapping[str, str] = os.environ) -> None:
        """Start the program in a session of its own, in the folder of its log.

        The log of the run before is kept beside the new one as `….1`.
        """
        if self.log.exists():
            self.log.replace(self.log.with_name(f"{self.log.name}.1"))
        subprocess.run(  # noqa: S603 - the script is constant, the command is an argument list
            ["/bin/sh", "-c", _DETACH, "sh", *command],
            env={**environment, "LOG": str(self.log), "PID_FILE": str(self._pid_file)},
            cwd=self.log.parent,
            start_new_session=True,
            check=True,
        )

    def ask_to_stop(self) -> None:
        """Send SIGTERM, if the program runs."""
        with self._held() as handle:
            _send(signal.SIGTERM, handle)

    def stop(self, *, within_seconds: float) -> None:
        """Ask the program to stop and wait; kill it when the time is over."""
        with self._held() as handle:
            _send(signal.SIGTERM, handle)
            if _has_ended(handle, within_seconds):
                return
        self.kill()

    def kill(self) -> None:
        """End the program as a crash would, and wait until it is gone with all its ports."""
        with self._held() as handle:
            _send(signal.SIGKILL, handle)
            _has_ended(handle, _KILL_SECONDS)

    def last_lines(self, count: int) -> str:
        """Return the end of the log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
        except OSError:
            return ""

    @contextmanager
    def _held(self) -> Iterator[int | None]:
        """Hold on to the running program, so that its pid cannot become another's meanwhile."""
        pid = self.pid
        try:
            handle = None if pid is None else os.pidfd_open(pid)
        except ProcessLookupError:
            handle = None
        if handle is None:
            yield None
            return
        try:
            yield handle if self.pid == pid else None
        finally:
            os.close(handle)


def _send(number: signal.Signals, handle: int | None) -> None:
    if handle is not None:
        with suppress(ProcessLookupError):  # it went by itself in between
            signal.pidfd_send_signal(handle, number)


def _has_ended(handle: int | None, within_seconds: float) -> bool:
    # The handle tells when the last thread is gone. The command line vanishes earlier,
    # while the ports are still open.
    return handle is None or bool(select.select([handle], [], [], within_seconds)[0])


def _arguments(pid: int) -> list[str]:
    """Read a process's command line; empty for one that is gone or a zombie.

    It is empty for a moment, too, while a process turns into the program it runs.
    """
    deadline = time.monotonic() + _EXEC_SECONDS
    while True:
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return []
        if raw or state in _ENDED or time.monotonic() > deadline:
            return raw.decode(errors="replace").split("\0")[:-1]
        time.sleep(_PAUSE_SECONDS)
