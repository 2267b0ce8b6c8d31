"""What each request of an operator does."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from infra.operator_requests import Action, OperatorRequest
from projections.consistency.checks import ConsistencyChecks
from projections.rebuilding.rebuilds import Rebuilds, view_named

BUILDS: frozenset[Action] = frozenset({"rebuild.start", "rebuild.resume"})


class Actions:
    """Carries out one request after the other; safe to use from several threads."""

    def __init__(self, rebuilds: Rebuilds, checks: ConsistencyChecks) -> None:
        self._rebuilds = rebuilds
        self._checks = checks
        self._known: Mapping[Action, Callable[[OperatorRequest], object]] = {
            "rebuild.start": self._start,
            "rebuild.pause": lambda asked: self._steer(asked, is_paused=True),
            "rebuild.resume": self._resume,
            "rebuild.throttle": self._steer,
            "rebuild.cancel": lambda asked: asdict(rebuilds.planner.cancel(asked.view)),
            "rebuild.compare": lambda asked: asdict(rebuilds.compare(asked.view)),
            "rebuild.switch": lambda asked: asdict(
                rebuilds.switcher.switch(asked.view, asked.arguments.get("accept_differences", ""))
            ),
            "rebuild.rollback": lambda asked: asdict(rebuilds.switcher.rollback(asked.view)),
            "rebuild.drop": lambda asked: asdict(
                rebuilds.switcher.drop(asked.view, asked.arguments["generation"])
            ),
            "consistency.check": lambda asked: asdict(checks.check(asked.view)),
            "consistency.repair": lambda asked: asdict(checks.check(asked.view, repairs=True)),
        }

    def carry_out(self, asked: OperatorRequest) -> object:
        """Do it, and give what came of it.

        Raises RebuildRefused when it cannot be done now, and what the servers raise.
        """
        return self._known[asked.action](asked)

    def _start(self, asked: OperatorRequest) -> object:
        begun = self._rebuilds.planner.start(
            view_named(asked.view),
            processes=asked.arguments.get("processes") or 1,
            events_per_second=asked.arguments.get("events_per_second") or 0,
        )
        return asdict(begun)

    def _resume(self, asked: OperatorRequest) -> object:
        if because := asked.arguments.get("accept_poison"):
            self._rebuilds.planner.accept_poison(asked.view, because)
        return self._steer(asked, is_paused=False)

    def _steer(self, asked: OperatorRequest, **how: Any) -> object:  # noqa: ANN401 - passed on
        found = self._rebuilds.planner.steer(
            asked.view,
            processes=asked.arguments.get("processes"),
            events_per_second=asked.arguments.get("events_per_second"),
            **how,
        )
        return asdict(found)
