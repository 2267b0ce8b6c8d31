"""The switch of the active generation, its reversal, and the removal of old ones."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from infra.cassandra.generations import UNDER_WAY, Generation, Generations
from infra.failpoints import pass_by
from projections.rebuild.catch_up import CatchUp
from projections.rebuild.errors import GenerationInUse, GenerationsDiffer, NoSuchGeneration
from projections.rebuild.planner import GenerationTables
from read_models.view import View

_READER_DRAIN_SECONDS = 10.0  # readers look at the pointer every second; requests end within this


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationSwitched:
    """Which generation of a view was read before, and which one is now."""

    view: str
    before: int
    now: int


class GenerationSwitcher:
    """Moves the pointer that readers follow; one row, so that a reader sees the one or the other.

    Both generations go on being fed, so that the way back is always open until one is dropped.
    """

    def __init__(
        self,
        *,
        generations: Generations,
        feeding: CatchUp,
        tables: GenerationTables,
        definition: Callable[[str, int], View],
    ) -> None:
        self._generations = generations
        self._catch_up = feeding
        self._tables = tables
        self._definition = definition

    def active_and_rebuilt(self, view: str) -> tuple[Generation, Generation]:
        """Give the generation that is read and the newest other one that follows the log.

        Raises NoSuchGeneration.
        """
        known = [each for each in self._generations.all() if each.view == view]
        active = self._active(view)
        read = next(each for each in known if each.number == active)
        others = [each for each in known if each.state == "following" and each != read]
        if not others:
            under_way = next((each for each in known if each.state in UNDER_WAY), None)
            raise NoSuchGeneration(
                f"generation {under_way.number} of {view} is still being built"
                if under_way
                else f"{view} has no other generation than {active}; see: scalehoster rebuild start"
            )
        return read, others[-1]

    def switch(self, view: str, accept_differences: str = "") -> GenerationSwitched:
        """Have the rebuilt generation read.

        Raises GenerationsDiffer unless it was compared with the one that is read now and nothing
        differed; with a reason, differences are accepted and the reason is kept. Raises NotCaughtUp
        when it is behind, NoSuchGeneration when there is none.
        """
        read, rebuilt = self.active_and_rebuilt(view)
        found = rebuilt.comparison
        if found is None or found.compared_with != read.number:
            raise GenerationsDiffer(
                f"generation {rebuilt.number} of {view} was not compared with generation"
                f" {read.number} yet: scalehoster rebuild compare {view}"
            )
        if found.difference_count and not accept_differences:
            raise GenerationsDiffer(
                f"generation {rebuilt.number} of {view} differs in {found.difference_count} rows;"
                " if they are right: --accept-differences REASON"
            )
        return self._move(view, read.number, rebuilt.number, accept_differences)

    def rollback(self, view: str) -> GenerationSwitched:
        """Have the generation read that was read before; raises NoSuchGeneration, NotCaughtUp."""
        active = self._active(view)
        known = {each.number: each for each in self._generations.all() if each.view == view}
        before = known[active].replaced
        if before is None or known[before].state != "following":
            raise NoSuchGeneration(f"there is nothing to go back to from generation {active}")
        return self._move(view, active, before, "")

    def drop(self, view: str, number: int) -> Generation:
        """Drop a generation that nobody reads; repeat it if it was killed.

        Waits until those who read it a moment ago are done. Raises GenerationInUse for the one that
        is read or being built, NoSuchGeneration.
        """
        found = next(
            (
                each
                for each in self._generations.all()
                if (each.view, each.number) == (view, number)
            ),
            None,
        )
        if found is None:
            raise NoSuchGeneration(f"{view} has no generation {number}")
        if found.state in UNDER_WAY:
            raise GenerationInUse(
                f"generation {number} is being built: scalehoster rebuild cancel {view}"
            )
        active = self._generations.actives()[view]
        if active.number == number:
            raise GenerationInUse(f"generation {number} of {view} is the one that is read")
        left = (datetime.now(UTC) - active.since).total_seconds()
        time.sleep(max(0.0, _READER_DRAIN_SECONDS - left))
        if found.state != "dropped" and not self._generations.move(found, "dropped"):
            raise NoSuchGeneration(f"generation {number} of {view} changed just now")
        self._tables.drop(self._definition(view, found.revision), number)
        self._generations.forget(view, number)
        return replace(found, state="dropped")

    def _move(self, view: str, now: int, then: int, accepted_because: str) -> GenerationSwitched:
        self._catch_up.wait_for_generation(view, then, now)
        pass_by("rebuild.before_swap")
        if not self._generations.switch(view, now, then, accepted_because):
            raise NoSuchGeneration(f"somebody else switched {view} just now")
        pass_by("rebuild.after_swap")
        return GenerationSwitched(view=view, before=now, now=then)

    def _active(self, view: str) -> int:
        actives = self._generations.actives()
        if view not in actives:
            raise NoSuchGeneration(f"there is no view {view}")
        return actives[view].number
