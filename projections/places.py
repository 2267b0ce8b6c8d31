"""Where each live view stands in the partitions that this process owns."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from infra.group_reading import Partition
from infra.parking import Parked
from infra.topics import Topic
from infra.view_store import Checkpoint, ViewStore
from projections.errors import EventsLost
from projections.versions import Versions
from projections.view import LiveView

Saved = Mapping[tuple[LiveView, Partition], Checkpoint]
Bounds = Callable[[Iterable[Partition]], Mapping[Partition, tuple[int, int]]]


class Standing:
    """One live view in one partition: the next offset it wants, and what of that is saved.

    ``waiting`` names entities whose records are parked: those that follow wait behind them.
    ``passed_over`` are offsets of records that the view goes on without.
    """

    def __init__(self, live: LiveView, saved: Checkpoint, parked: Iterable[Parked] = ()) -> None:
        self.live = live
        self.stand_at(saved)
        ours = [each for each in parked if (each.topic, each.partition) == self.partition]
        self.passed_over = {each.offset for each in ours if each.passed_over_because}
        self.waiting = {each.key for each in ours if not each.passed_over_because and each.key}

    def stand_at(self, saved: Checkpoint) -> None:
        """Go on from a checkpoint that is kept."""
        self._saved = saved
        self.next_offset = saved.applied_offset

    @property
    def partition(self) -> Partition:
        """Where it stands."""
        return self._saved.topic, self._saved.partition

    @property
    def saved_offset(self) -> int:
        """The checkpoint that the store must have."""
        return self._saved.applied_offset

    @property
    def event_count(self) -> int:
        """How many messages the view has seen in this partition."""
        return self._saved.event_count

    def checkpoint_at(self, offset: int, event_count: int) -> Checkpoint:
        """Write down that the view has got this far."""
        return replace(self._saved, applied_offset=offset, event_count=event_count)


class Place:
    """One partition: where the live views of its topic stand, and the versions seen in it."""

    def __init__(self, partition: Partition, standings: Sequence[Standing]) -> None:
        self.partition = partition
        self.standings = standings
        self.versions = Versions()

    @property
    def start(self) -> int:
        """The first offset that some view still wants."""
        return min(standing.next_offset for standing in self.standings)


class Places:
    """The partitions we own. What is not in here is not followed, though Kafka may bring it."""

    def __init__(self, store: ViewStore, live: Sequence[LiveView]) -> None:
        self._store = store
        self._places: dict[Partition, Place] = {}
        self._set_live(live)

    @property
    def topics(self) -> tuple[Topic, ...]:
        """What must be read."""
        return tuple(self._topics.values())

    @property
    def live(self) -> tuple[LiveView, ...]:
        """What is kept up to date."""
        return self._live

    def follow(self, live: Sequence[LiveView]) -> bool:
        """Keep these generations from now on; where one came or went, partitions are placed anew.

        Tells whether any did.
        """
        changed = {each.view.topic.name for each in set(live) ^ set(self._live)}
        self._set_live(live)
        self.drop([partition for partition in self._places if partition[0] in changed])
        return bool(changed)

    def get(self, partition: Partition) -> Place | None:
        """Find where the views stand in a partition, if it is ours and was placed."""
        return self._places.get(partition)

    def all(self) -> list[Place]:
        """List the partitions that are ours and were placed."""
        return list(self._places.values())

    def add(self, partitions: Iterable[Partition], bounds: Bounds) -> dict[Partition, int]:
        """Read the checkpoints of partitions that became ours; say where to read on in each.

        A topic that forgets is read from where it begins now. Raises EventsLost when one that is
        kept for ever does not reach from the checkpoint on, StoreUnavailable, and what ``bounds``
        raises; then nothing was added.
        """
        saved = self._saved()
        parked = {
            live: self._store.parking.parked(live.view.name, live.generation) for live in self._live
        }
        added = {partition: self._place(partition, saved, parked) for partition in partitions}
        for partition, (first, end) in bounds(added).items():
            self._fit(added[partition], first, end)
        self._places |= added
        return {partition: place.start for partition, place in added.items()}

    def drop(self, partitions: Iterable[Partition] | None = None) -> None:
        """Forget partitions that are no longer ours, or all of them."""
        for partition in list(self._places if partitions is None else partitions):
            self._places.pop(partition, None)

    def standings(self) -> list[Standing]:
        """List where every view stands in every partition that is ours."""
        return [standing for place in self._places.values() for standing in place.standings]

    def went_back(self, standings: Iterable[Standing]) -> bool:
        """Say whether any checkpoint that the store has is behind the one that it kept for us.

        That is a store that lost its last writes, and the rows went with the checkpoint. Raises
        StoreUnavailable.
        """
        saved = self._saved()
        return any(
            _found(saved, standing.live, standing.partition).applied_offset < standing.saved_offset
            for standing in standings
        )

    def _set_live(self, live: Sequence[LiveView]) -> None:
        self._live = tuple(live)
        self._topics: dict[str, Topic] = {each.view.topic.name: each.view.topic for each in live}

    def _saved(self) -> Saved:
        return {
            (live, (checkpoint.topic, checkpoint.partition)): checkpoint
            for live in self._live
            for checkpoint in self._store.checkpoints(live.view.name, live.generation)
        }

    def _place(
        self, partition: Partition, saved: Saved, parked: Mapping[LiveView, list[Parked]]
    ) -> Place:
        topic, _ = partition
        reading = [live for live in self._live if live.view.topic.name == topic]
        return Place(
            partition,
            [Standing(live, _found(saved, live, partition), parked[live]) for live in reading],
        )

    def _fit(self, place: Place, first: int, end: int) -> None:
        topic, number = place.partition
        for standing in place.standings:
            if first <= standing.next_offset <= end:
                continue
            if self._topics[topic].is_kept_forever:
                raise EventsLost(
                    f"{standing.live.view.name} stands at offset {standing.next_offset} of {topic}"
                    f" {number}, which has {first} to {end}; is this the log that it was built"
                    " from?"
                )
            standing.next_offset = first


def _found(saved: Saved, live: LiveView, partition: Partition) -> Checkpoint:
    topic, number = partition
    nothing = Checkpoint(
        view=live.view.name,
        generation=live.generation,
        topic=topic,
        partition=number,
        applied_offset=0,
        event_count=0,
    )
    return saved.get((live, partition), nothing)
