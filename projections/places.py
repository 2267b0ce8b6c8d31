"""Where each live view stands in the partitions that this process owns."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from infra.group_reading import Partition
from infra.topics import Topic
from infra.view_store import Checkpoint, ViewStore
from projections.errors import EventsLost
from projections.versions import Versions
from projections.view import LiveView

Bounds = Callable[[Iterable[Partition]], Mapping[Partition, tuple[int, int]]]


class Standing:
    """One live view in one partition: the next offset it wants, and what of that is saved."""

    def __init__(self, live: LiveView, saved_offset: int, event_count: int) -> None:
        self.live = live
        self.saved_offset = saved_offset
        self.next_offset = saved_offset
        self.event_count = event_count


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
        self._live = live
        self._topics: dict[str, Topic] = {each.view.topic.name: each.view.topic for each in live}
        self._places: dict[Partition, Place] = {}

    @property
    def topics(self) -> tuple[Topic, ...]:
        """What must be read."""
        return tuple(self._topics.values())

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
        added = {partition: self._place(partition, saved) for partition in partitions}
        for partition, (first, end) in bounds(added).items():
            self._fit(added[partition], first, end)
        self._places |= added
        return {partition: place.start for partition, place in added.items()}

    def drop(self, partitions: Iterable[Partition] | None = None) -> None:
        """Forget partitions that are no longer ours, or all of them."""
        for partition in list(self._places if partitions is None else partitions):
            self._places.pop(partition, None)

    def went_back(self) -> list[Partition]:
        """Name the partitions whose kept checkpoints are behind what we saved.

        That is a store that lost its last writes: the rows went with the checkpoint.
        """
        saved = self._saved()
        return [
            place.partition
            for place in self._places.values()
            for standing in place.standings
            if _offset_of(saved.get(_name(standing.live, place.partition))) < standing.saved_offset
        ]

    def _saved(self) -> dict[tuple[str, int, Partition], Checkpoint]:
        return {
            _name(live, (checkpoint.topic, checkpoint.partition)): checkpoint
            for live in self._live
            for checkpoint in self._store.checkpoints(live.view.name, live.generation)
        }

    def _place(
        self, partition: Partition, saved: Mapping[tuple[str, int, Partition], Checkpoint]
    ) -> Place:
        standings = []
        for live in self._live:
            if live.view.topic.name == partition[0]:
                checkpoint = saved.get(_name(live, partition))
                count = checkpoint.event_count if checkpoint else 0
                standings.append(Standing(live, _offset_of(checkpoint), count))
        return Place(partition, standings)

    def _fit(self, place: Place, first: int, end: int) -> None:
        for standing in place.standings:
            if first <= standing.next_offset <= end:
                continue
            if self._topics[place.partition[0]].is_kept_forever:
                raise EventsLost(
                    f"{standing.live.view.name} stands at offset {standing.next_offset} of"
                    f" {place.partition}, which holds {first} to {end}; is this the log that"
                    " the views were built from?"
                )
            standing.next_offset = first


def _name(live: LiveView, partition: Partition) -> tuple[str, int, Partition]:
    return live.view.name, live.generation, partition


def _offset_of(checkpoint: Checkpoint | None) -> int:
    return checkpoint.applied_offset if checkpoint else 0
