"""Build one share of the partitions: read far ahead, fold, write each row once, checkpoint."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import Protocol

from infra.errors import BrokerUnavailable, StoreUnavailable
from infra.generations import Generation, Generations
from infra.group_reading import Partition
from infra.reading import Record
from infra.topics import Topic
from infra.view_store import ViewStore
from projections.batches import project
from projections.errors import ProjectionStopped
from projections.places import Bounds, Places
from projections.view import LiveView, View
from projections.writing import StoreWentBack, Writer

_CHUNK = 10_000
_POLL_SECONDS = 0.1
_POLL_AT_MOST = 2_000
_LOOK_SECONDS = 0.5
_PAUSE_SECONDS = 0.2
_OUTAGE_SECONDS = 1.0

log = logging.getLogger(__name__)


class Source(Protocol):
    """Reads some partitions of one topic: infra.reading.Reader."""

    def poll(self, timeout_seconds: float, *, at_most: int) -> list[Record]:
        """Read what is there, waiting at most this long for the first record."""

    def position(self, partition: int) -> int:
        """Give the next offset, at the end past control markers too."""


OpenSource = Callable[[Topic, Mapping[int, int]], AbstractContextManager[Source]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Every ``of``-th partition, from ``number`` on."""

    number: int
    of: int

    def partitions(self, topics: Iterable[Topic]) -> list[Partition]:
        """Name the partitions of the share."""
        return [
            (topic.name, partition)
            for topic in topics
            for partition in range(topic.partitions)
            if partition % self.of == self.number
        ]


class Builder:
    """Builds whatever is in state ``building``, as long as there is anything.

    It may be killed at any point and goes on from the checkpoints; several at the same share do no
    harm. One record that cannot be read or applied makes the rebuild fail: there is nobody yet who
    would miss it, and time to mend what is wrong.
    """

    def __init__(
        self,
        *,
        share: Share,
        generations: Generations,
        store: ViewStore,
        open_source: OpenSource,
        bounds: Bounds,
        definition: Callable[[str, int], View],
    ) -> None:
        self._share = share
        self._generations = generations
        self._store = store
        self._open_source = open_source
        self._bounds = bounds
        self._definition = definition

    def run(self, stopping: Event) -> None:
        """Return when nothing is left to be built, or when told to stop."""
        while not stopping.is_set():
            try:
                building = self._building()
                going = [each for each in building if not each.is_paused]
                if not building:
                    return
                if going:
                    self._build(going, stopping)
                else:
                    stopping.wait(_PAUSE_SECONDS)
            except (StoreUnavailable, BrokerUnavailable, StoreWentBack) as error:
                log.warning("waiting: %r", error)
                stopping.wait(_OUTAGE_SECONDS)

    def _building(self) -> list[Generation]:
        return [each for each in self._generations.all() if each.state == "building"]

    def _build(self, going: Sequence[Generation], stopping: Event) -> None:
        try:
            live = [
                LiveView(view=self._definition(each.view, each.revision), generation=each.number)
                for each in going
            ]
            self._follow(going, live, stopping)
        except (StoreUnavailable, BrokerUnavailable, StoreWentBack):
            raise
        except Exception as error:  # whatever it is, somebody must look at it
            for each in going:  # one that was cancelled and dropped meanwhile stays as it is
                if self._generations.move(each, "failed", f"{type(error).__name__}: {error}"):
                    log.exception("%s, generation %d, failed", each.view, each.number)

    def _follow(
        self, going: Sequence[Generation], live: Sequence[LiveView], stopping: Event
    ) -> None:
        """Build until what is wanted changes."""
        self._forget_parked(live)
        places = Places(self._store, live)
        writer = Writer(self._store, places)
        starts = places.add(self._share.partitions(places.topics), self._bounds)
        pace = Pace(going, self._share)
        with ExitStack() as stack:
            sources = {
                topic.name: stack.enter_context(self._open_source(topic, wanted))
                for topic in places.topics
                if (
                    wanted := {
                        at: start for (name, at), start in starts.items() if name == topic.name
                    }
                )
            }
            looked_at = time.monotonic()
            while not stopping.is_set():
                if pace.wait_seconds or not sources:
                    stopping.wait(min(pace.wait_seconds or _PAUSE_SECONDS, _LOOK_SECONDS))
                else:
                    pace.went_on(self._turn(sources, places, writer, pace.chunk))
                if time.monotonic() - looked_at > _LOOK_SECONDS:
                    looked_at = time.monotonic()
                    if _wanted(self._building()) != _wanted(going):
                        return

    def _forget_parked(self, live: Sequence[LiveView]) -> None:
        """Try again what failed before, unless somebody said to go on without it."""
        for each in live:
            parked = self._store.parking.parked(each.view.name, each.generation)
            ours = set(self._share.partitions([each.view.topic]))
            self._store.parking.unpark(
                place
                for place in parked
                if not place.passed_over_because and (place.topic, place.partition) in ours
            )

    def _turn(
        self, sources: Mapping[str, Source], places: Places, writer: Writer, chunk: int
    ) -> int:
        def reached(partition: Partition) -> int:
            return sources[partition[0]].position(partition[1])

        records = _read(sources.values(), chunk)
        batch = project(records, places, reached, datetime.now(UTC))
        self._store.parking.park(batch.parked)
        for letter in batch.letters:
            where = f"{letter.topic}:{letter.partition}:{letter.offset}"
            raise CannotApply(f"{where}: {letter.detail}")
        if batch.steps:
            writer.write(batch)
        return len(records)


class Pace:
    """Keeps a share below its part of the events per second that the operator allows."""

    def __init__(self, going: Iterable[Generation], share: Share) -> None:
        limits = [each.events_per_second for each in going if each.events_per_second]
        self._per_second = min(limits, default=0) / share.of
        self._next_at = 0.0
        self.chunk = min(_CHUNK, max(1, int(self._per_second))) if limits else _CHUNK

    @property
    def wait_seconds(self) -> float:
        """For how long to do nothing."""
        return max(0.0, self._next_at - time.monotonic())

    def went_on(self, events: int) -> None:
        """Note how many were just applied."""
        if self._per_second:
            self._next_at = max(self._next_at, time.monotonic() - 1) + events / self._per_second


class CannotApply(ProjectionStopped):
    """A record of the log cannot be read, or a view cannot be built from it."""


def _wanted(generations: Iterable[Generation]) -> set[tuple[str, int, int]]:
    return {
        (each.view, each.number, each.events_per_second)
        for each in generations
        if not each.is_paused
    }


def _read(sources: Iterable[Source], at_most: int) -> list[Record]:
    """Read about so many records; fewer when there are no more."""
    records: list[Record] = []
    for source in sources:
        while len(records) < at_most:
            found = source.poll(_POLL_SECONDS, at_most=min(_POLL_AT_MOST, at_most - len(records)))
            if not found:
                break
            records += found
    return records
