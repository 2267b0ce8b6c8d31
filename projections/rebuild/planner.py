"""The planner: begins, pauses, resumes and cancels rebuilds that the builder carries out."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from infra.cassandra.generations import UNDER_WAY, Generation, Generations
from infra.cassandra.parked_records import ParkedRecordStore
from infra.kafka.topics import Topic
from projections.rebuild.errors import AlreadyRebuilding, NoSuchGeneration, NotRebuildable
from read_models.view import View


class GenerationTables(Protocol):
    """Makes and drops the tables of a generation; both may be repeated."""

    def make(self, view: View, generation: int) -> None:
        """Make those that are missing."""

    def drop(self, view: View, generation: int) -> None:
        """Drop those that are there."""


class RebuildPlanner:
    """Says what is to be built; everything it does may be repeated after a kill.

    Every method raises StoreUnavailable and BrokerUnavailable.
    """

    def __init__(
        self,
        *,
        generations: Generations,
        tables: GenerationTables,
        ends: Callable[[Topic], Mapping[int, int]],
        parked_records: ParkedRecordStore,
    ) -> None:
        self._parked_records = parked_records
        self._generations = generations
        self._tables = tables
        self._ends = ends

    def start(self, view: View, *, processes: int = 1, events_per_second: int = 0) -> Generation:
        """Plan a new generation of a view, from the first event on.

        Raises AlreadyRebuilding while another one is under way, NotRebuildable when the log does
        not keep all that the view was made of.
        """
        if not view.topic.is_kept_forever:
            hours = view.topic.retention_ms / 3_600_000
            raise NotRebuildable(
                f"{view.name} is made from {view.topic.name}, which keeps {hours:g} h;"
                " what is older could not be built again"
            )
        known = [each for each in self._generations.all() if each.view == view.name]
        for each in known:
            if each.state == "building":
                raise AlreadyRebuilding(
                    f"{view.name} is being rebuilt as generation {each.number};"
                    " if nothing builds it any more: scalehoster rebuild resume"
                )
        planned = next((each for each in known if each.state == "planned"), None)
        if planned is None:
            planned = Generation(
                view=view.name,
                number=max((each.number for each in known), default=0) + 1,
                revision=view.revision,
                state="planned",
                started_at=datetime.now(UTC),
                processes=processes,
                events_per_second=events_per_second,
            )
            if not self._generations.add(planned):
                raise AlreadyRebuilding(f"somebody else began to rebuild {view.name} just now")
        self._tables.make(view, planned.number)
        self._generations.set_targets(
            view.name, planned.number, view.topic.name, self._ends(view.topic)
        )
        self._generations.move(planned, "building")
        return replace(planned, state="building")

    def steer(
        self,
        view: str,
        *,
        is_paused: bool | None = None,
        processes: int | None = None,
        events_per_second: int | None = None,
    ) -> Generation:
        """Change how the rebuild under way goes on; what is None stays. A failed one is retried.

        Raises NoSuchGeneration when none is under way.
        """
        found = self._unfinished(view, ("building", "failed"))
        changed = replace(
            found,
            is_paused=found.is_paused if is_paused is None else is_paused,
            processes=found.processes if processes is None else processes,
            events_per_second=(
                found.events_per_second if events_per_second is None else events_per_second
            ),
        )
        is_kept = self._generations.steer(
            found,
            is_paused=changed.is_paused,
            processes=changed.processes,
            events_per_second=changed.events_per_second,
        )
        if is_kept and found.state == "failed" and is_paused is False:
            is_kept = self._generations.move(found, "building")
            changed = replace(changed, state="building", reason="")
        if not is_kept:
            raise NoSuchGeneration(f"the rebuild of {view} ended just now")
        return changed

    def accept_poison(self, view: str, because: str) -> int:
        """Have the failed rebuild go on without the records that it failed at; say how many.

        They and the reason are kept with the generation. Raises NoSuchGeneration when none failed
        at a record.
        """
        found = self._unfinished(view, ("failed",))
        poison = [
            each
            for each in self._parked_records.parked(view, found.number)
            if not each.passed_over_because and each.code != "behind"
        ]
        if not poison:
            raise NoSuchGeneration(
                f"the rebuild of {view} did not fail at a record: {found.reason or 'no reason'}"
            )
        self._parked_records.pass_over(poison, because)
        return len(poison)

    def cancel(self, view: str) -> Generation:
        """Give up the rebuild under way; its tables stay until they are dropped.

        Raises NoSuchGeneration when none is under way.
        """
        found = self._unfinished(view, (*UNDER_WAY, "failed"))
        if not self._generations.move(found, "cancelled"):
            raise NoSuchGeneration(f"the rebuild of {view} ended just now")
        return replace(found, state="cancelled")

    def _unfinished(self, view: str, states: tuple[str, ...]) -> Generation:
        for each in reversed(self._generations.all()):
            if each.view == view and each.state in states:
                return each
        raise NoSuchGeneration(f"no rebuild of {view} is under way")
