"""Maintenance actions: what each task of an operator does."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from projections.rebuild.rebuilds import Rebuilds, view_named
from projections.verification.consistency_checks import ConsistencyChecks
from read_models.maintenance_tasks import MaintenanceTask, TaskAction

BUILDS: frozenset[TaskAction] = frozenset({"rebuild.start", "rebuild.resume"})


class MaintenanceActions:
    """Carries out one request after the other; safe to use from several threads."""

    def __init__(self, rebuilds: Rebuilds, checks: ConsistencyChecks) -> None:
        self._rebuilds = rebuilds
        self._checks = checks
        self._known: Mapping[TaskAction, Callable[[MaintenanceTask], object]] = {
            "rebuild.start": self._start,
            "rebuild.pause": lambda task: self._steer(task, is_paused=True),
            "rebuild.resume": self._resume,
            "rebuild.throttle": self._steer,
            "rebuild.cancel": lambda task: asdict(rebuilds.planner.cancel(task.view)),
            "rebuild.compare": lambda task: asdict(rebuilds.compare(task.view)),
            "rebuild.switch": lambda task: asdict(
                rebuilds.switcher.switch(task.view, task.arguments.get("accept_differences", ""))
            ),
            "rebuild.rollback": lambda task: asdict(rebuilds.switcher.rollback(task.view)),
            "rebuild.drop": lambda task: asdict(
                rebuilds.switcher.drop(task.view, task.arguments["generation"])
            ),
            "consistency.check": lambda task: asdict(checks.check(task.view)),
            "consistency.repair": lambda task: asdict(checks.check(task.view, repairs=True)),
        }

    def run_task(self, task: MaintenanceTask) -> object:
        """Do it, and give what came of it.

        Raises RebuildRefused when it cannot be done now, and what the servers raise.
        """
        return self._known[task.action](task)

    def _start(self, task: MaintenanceTask) -> object:
        begun = self._rebuilds.planner.start(
            view_named(task.view),
            processes=task.arguments.get("processes") or 1,
            events_per_second=task.arguments.get("events_per_second") or 0,
        )
        return asdict(begun)

    def _resume(self, task: MaintenanceTask) -> object:
        if because := task.arguments.get("accept_poison"):
            self._rebuilds.planner.accept_poison(task.view, because)
        return self._steer(task, is_paused=False)

    def _steer(self, task: MaintenanceTask, **how: Any) -> object:  # noqa: ANN401 - passed on
        found = self._rebuilds.planner.steer(
            task.view,
            processes=task.arguments.get("processes"),
            events_per_second=task.arguments.get("events_per_second"),
            **how,
        )
        return asdict(found)
