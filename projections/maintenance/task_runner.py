"""The task runner: carries maintenance tasks out side by side until none is left."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event
from typing import Protocol

from infra.errors import BrokerUnavailable, StoreUnavailable
from projections.maintenance.actions import BUILDS
from projections.rebuild.errors import RebuildRefused
from read_models.maintenance_tasks import MaintenanceTask, TaskState

_LOOK_SECONDS = 0.5
_AT_ONCE = 8

log = logging.getLogger(__name__)


class MaintenanceQueue(Protocol):
    """What was asked: read_models.maintenance_tasks.MaintenanceTasks."""

    def open(self) -> list[MaintenanceTask]:
        """Give those that are not over, the oldest first."""

    def take(self, request: MaintenanceTask) -> bool:
        """Begin to carry it out; of two that try one gets False."""

    def heartbeat(self, request_id: str) -> None:
        """Tell that it is still being carried out."""

    def end(
        self, request_id: str, state: TaskState, detail: str = "", outcome: object = None
    ) -> None:
        """Keep what came of it, unless it is over."""


class TaskRunner:
    """Carries out what is asked; one that dies with it is reported as failed by the next process.

    ``build`` builds all generations that are to be built, and returns when they are or ``stopping``
    is set.
    """

    def __init__(
        self,
        requests: MaintenanceQueue,
        run_task: Callable[[MaintenanceTask], object],
        build: Callable[[Event], None],
    ) -> None:
        self._requests = requests
        self._run_task = run_task
        self._build = build
        self._under_way: dict[str, Future[object]] = {}
        self._building: Future[None] | None = None
        self._is_build_wanted = False

    def run(self, stopping: Event) -> None:
        """Return when nothing is asked and nothing is built any more, or when told to stop."""
        with ThreadPoolExecutor(_AT_ONCE + 1) as pool:
            while not stopping.is_set():
                try:
                    self._poll_once(pool, stopping)
                    if not self._under_way and self._building is None:
                        return
                except (StoreUnavailable, BrokerUnavailable) as error:
                    log.warning("waiting: %s", error)
                stopping.wait(_LOOK_SECONDS)

    def _poll_once(self, pool: ThreadPoolExecutor, stopping: Event) -> None:
        for task in self._requests.open():
            if task.is_silent(datetime.now(UTC)) and task.request_id not in self._under_way:
                self._requests.end(
                    task.request_id,
                    "failed",
                    "whoever carried it out ended; see how it stands, and ask again",
                )
            elif (
                task.state == "asked"
                and len(self._under_way) < _AT_ONCE
                and self._requests.take(task)
            ):
                log.info("%s %s", task.action, task.view)
                self._is_build_wanted |= task.action in BUILDS
                self._under_way[task.request_id] = pool.submit(self._run_task, task)
        for request_id, future in list(self._under_way.items()):
            if future.done():
                self._end(request_id, future)
                del self._under_way[request_id]
            else:
                self._requests.heartbeat(request_id)
        if self._building is not None and self._building.done():
            self._building.result()
            self._building = None
        if self._is_build_wanted and not self._under_way and self._building is None:
            self._is_build_wanted = False
            self._building = pool.submit(self._build, stopping)

    def _end(self, request_id: str, future: Future[object]) -> None:
        error = future.exception()
        if error is None:
            self._requests.end(request_id, "done", outcome=future.result())
        elif isinstance(error, RebuildRefused):
            self._requests.end(request_id, "refused", str(error))
        else:
            log.error("a request failed", exc_info=error)
            self._requests.end(request_id, "failed", f"{type(error).__name__}: {error}")
