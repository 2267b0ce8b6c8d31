"""Catch-up: whether live projections feed a generation, and how far they have brought it."""

import time
from collections.abc import Callable, Mapping

from infra.cassandra.view_store import ViewStore
from infra.kafka.group_consumer import Partition
from infra.kafka.topics import Topic
from projections.rebuild.errors import NotCaughtUp
from read_models.view import View

_PAUSE_SECONDS = 0.05


class CatchUp:
    """Waits for generations that follow the log; raises NotCaughtUp after ``within_seconds``."""

    def __init__(
        self,
        *,
        store: ViewStore,
        ends: Callable[[Topic], Mapping[int, int]],
        within_seconds: float = 60.0,
    ) -> None:
        self._store = store
        self._ends = ends
        self._within_seconds = within_seconds

    def wait_for_log_end(self, view: View, *generations: int) -> None:
        """Return once each has applied all that the log has now."""
        ends = {(view.topic.name, at): end for at, end in self._ends(view.topic).items()}
        for generation in generations:
            self.wait_for_offsets(view.name, generation, ends)

    def wait_for_generation(self, view: str, generation: int, other: int) -> None:
        """Return once a generation has applied what the other one has now."""
        self.wait_for_offsets(view, generation, self._applied(view, other))

    def wait_for_offsets(self, view: str, generation: int, ends: Mapping[Partition, int]) -> None:
        """Return once a generation has applied all that lies before these offsets."""
        deadline = time.monotonic() + self._within_seconds
        while missing := self._missing(view, generation, ends):
            if time.monotonic() > deadline:
                raise NotCaughtUp(
                    f"generation {generation} of {view} is {missing} offsets behind and does not"
                    " catch up; does the projections service run?"
                )
            time.sleep(_PAUSE_SECONDS)

    def _missing(self, view: str, generation: int, wanted: Mapping[Partition, int]) -> int:
        applied = self._applied(view, generation)
        return sum(max(0, end - applied.get(at, 0)) for at, end in wanted.items())

    def _applied(self, view: str, generation: int) -> dict[Partition, int]:
        return {
            (each.topic, each.partition): each.applied_offset
            for each in self._store.checkpoints(view, generation)
        }
