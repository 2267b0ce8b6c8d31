"""The maintenance watcher: sees new tasks, and starts the process that runs them."""

import logging
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Self

from infra.errors import StoreUnavailable, ViewsMissing
from read_models.maintenance_tasks import MaintenanceTask

_LOOK_SECONDS = 0.5
_STOP_SECONDS = 10.0

log = logging.getLogger(__name__)


class MaintenanceWatcher:
    """Looks twice a second, beside the following; use it as a context.

    Of several projections each may start a process: a request is taken by one of them. What is
    running at the end is asked to stop, and ended when it does not within 10 s.
    """

    def __init__(self, open_requests: Callable[[], list[MaintenanceTask]]) -> None:
        self._open_requests = open_requests
        self._stopping = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        if self._child is not None:
            self._child.terminate()
            try:
                self._child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:  # a long comparison; the next life tells it as failed
                self._child.kill()
                self._child.wait()

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            is_idle = self._child is None or self._child.poll() is not None
            if is_idle and self._has_open_tasks():
                self._child = subprocess.Popen([sys.executable, "-m", "projections.maintenance"])

    def _has_open_tasks(self) -> bool:
        try:
            now = datetime.now(UTC)
            return any(
                each.state == "asked" or each.is_silent(now) for each in self._open_requests()
            )
        except (StoreUnavailable, ViewsMissing) as error:
            log.debug("not seen what is asked: %s", error)
            return False
