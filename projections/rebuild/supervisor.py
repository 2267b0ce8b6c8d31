"""The supervisor of builder processes: reports their progress, ends what is done."""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Protocol

from infra.cassandra.generations import Generation, Generations
from infra.cassandra.view_store import ViewStore
from infra.errors import BrokerUnavailable, StoreUnavailable
from infra.kafka.topics import Topic
from projections.rebuild.builder import PartitionSubset
from projections.rebuild.growth_rate import GrowthRate
from read_models.generation_status import generation_status
from read_models.view import View

_LOOK_SECONDS = 0.5
_MOST_CRASHES = 10
_CLOSE = 500  # offsets that the projections take over without anybody noticing

log = logging.getLogger(__name__)


class BuilderProcess(Protocol):
    """A process that builds a partition subset: multiprocessing.Process."""

    @property
    def exitcode(self) -> int | None:
        """None while it runs."""

    def terminate(self) -> None:
        """Ask it to stop."""

    def join(self) -> None:
        """Wait until it is gone."""


class RebuildSupervisor:
    """Keeps as many builders running as are wanted, until there is nothing to build.

    A generation that has applied all there was when it was begun, and is close to the end of the
    log, becomes ``following``: from then on the projections feed it from its own checkpoints.
    """

    def __init__(
        self,
        *,
        generations: Generations,
        store: ViewStore,
        ends: Callable[[Topic], Mapping[int, int]],
        definition: Callable[[str, int], View],
        start: Callable[[PartitionSubset], BuilderProcess],
    ) -> None:
        self._generations = generations
        self._store = store
        self._ends = ends
        self._definition = definition
        self._start = start
        self._crashes = 0
        self._rates: defaultdict[tuple[str, int], GrowthRate] = defaultdict(GrowthRate)

    def run(self, stopping: Event) -> None:
        """Return when nothing is left to be built, or when told to stop."""
        children: list[BuilderProcess] = []
        try:
            while not stopping.is_set():
                try:
                    building = [e for e in self._generations.all() if e.state == "building"]
                    if not building:
                        return
                    children = self._keep_running(
                        children, max(each.processes for each in building)
                    )
                    for each in building:
                        self._observe(each)
                    if self._crashes > _MOST_CRASHES:
                        for each in building:
                            self._generations.move(each, "failed", "builders crash; see their log")
                except (StoreUnavailable, BrokerUnavailable) as error:
                    log.warning("waiting: %s", error)
                stopping.wait(_LOOK_SECONDS)
        finally:
            _end(children)

    def _keep_running(self, children: list[BuilderProcess], wanted: int) -> list[BuilderProcess]:
        """Have so many builders; one that died is replaced."""
        if len(children) != wanted:
            _end(children)
            return [
                self._start(PartitionSubset(number=number, of=wanted)) for number in range(wanted)
            ]
        for number, child in enumerate(children):
            if child.exitcode is not None:
                log.warning("builder %d ended with %d; another begins", number, child.exitcode)
                self._crashes += child.exitcode > 0  # killed is not crashed
                children[number] = self._start(PartitionSubset(number=number, of=wanted))
        return children

    def _observe(self, generation: Generation) -> None:
        place = (generation.view, generation.number)
        checkpoints = self._store.checkpoints(*place)
        applied = sum(each.applied_offset for each in checkpoints)
        per_second = 0.0 if generation.is_paused else self._rates[place].at(applied)
        self._generations.report(*place, per_second)
        if generation.is_paused:
            return
        if generation_status(
            generation, self._generations.targets(*place), checkpoints, is_read=False
        ).is_complete:
            topic = self._definition(generation.view, generation.revision).topic
            if sum(self._ends(topic).values()) - applied <= _CLOSE:
                self._generations.move(generation, "following")
                log.info("%s, generation %d, is built", *place)


def _end(children: Sequence[BuilderProcess]) -> None:
    for child in children:
        child.terminate()
    for child in children:
        child.join()
