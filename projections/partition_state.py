"""The state of each owned partition: how far each live view has read it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from infra.cassandra.parked_records import ParkedEntry
from infra.cassandra.view_store import Checkpoint, ViewStore
from infra.kafka.group_consumer import Partition
from infra.kafka.topics import Topic
from projections.entity_versions import EntityVersions
from projections.errors import EventsLost
from read_models.view import ViewGeneration

SavedCheckpoints = Mapping[tuple[ViewGeneration, Partition], Checkpoint]
PartitionBounds = Callable[[Iterable[Partition]], Mapping[Partition, tuple[int, int]]]


class ViewPosition:
    """One live view in one partition: the next offset it wants, and what of that is saved.

    ``waiting`` names entities whose records are parked: those that follow wait behind them.
    ``passed_over`` are offsets of records that the view goes on without.
    """

    def __init__(
        self, live: ViewGeneration, saved: Checkpoint, parked: Iterable[ParkedEntry] = ()
    ) -> None:
        self.live = live
        self.advance_to(saved)
        ours = [each for each in parked if (each.topic, each.partition) == self.partition]
        self.passed_over = {each.offset for each in ours if each.passed_over_because}
        self.waiting = {each.key for each in ours if not each.passed_over_because and each.key}

    def advance_to(self, saved: Checkpoint) -> None:
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


class PartitionState:
    """One partition: where the live views of its topic stand, and the versions seen in it."""

    def __init__(self, partition: Partition, view_positions: Sequence[ViewPosition]) -> None:
        self.partition = partition
        self.view_positions = view_positions
        self.versions = EntityVersions()

    @property
    def start(self) -> int:
        """The first offset that some view still wants."""
        return min(view_position.next_offset for view_position in self.view_positions)


class OwnedPartitions:
    """The partitions we own. What is not in here is not followed, though Kafka may bring it."""

    def __init__(self, store: ViewStore, live: Sequence[ViewGeneration]) -> None:
        self._store = store
        self._states: dict[Partition, PartitionState] = {}
        self._set_live(live)

    @property
    def topics(self) -> tuple[Topic, ...]:
        """What must be read."""
        return tuple(self._topics.values())

    @property
    def live(self) -> tuple[ViewGeneration, ...]:
        """What is kept up to date."""
        return self._live

    def follow(self, live: Sequence[ViewGeneration]) -> bool:
        """Keep these generations from now on; where one came or went, partitions are placed anew.

        Tells whether any did.
        """
        changed = {each.view.topic.name for each in set(live) ^ set(self._live)}
        self._set_live(live)
        self.drop([partition for partition in self._states if partition[0] in changed])
        return bool(changed)

    def get(self, partition: Partition) -> PartitionState | None:
        """Find where the views stand in a partition, if it is ours and was placed."""
        return self._states.get(partition)

    def all(self) -> list[PartitionState]:
        """List the partitions that are ours and were placed."""
        return list(self._states.values())

    def add(self, partitions: Iterable[Partition], bounds: PartitionBounds) -> dict[Partition, int]:
        """Read the checkpoints of partitions that became ours; say where to read on in each.

        A topic that forgets is read from where it begins now. Raises EventsLost when one that is
        kept for ever does not reach from the checkpoint on, StoreUnavailable, and what ``bounds``
        raises; then nothing was added.
        """
        saved = self._saved()
        parked = {
            live: self._store.parked_records.parked(live.view.name, live.generation)
            for live in self._live
        }
        added = {
            partition: self._partition_state(partition, saved, parked) for partition in partitions
        }
        for partition, (first, end) in bounds(added).items():
            self._fit(added[partition], first, end)
        self._states |= added
        return {partition: partition_state.start for partition, partition_state in added.items()}

    def drop(self, partitions: Iterable[Partition] | None = None) -> None:
        """Forget partitions that are no longer ours, or all of them."""
        for partition in list(self._states if partitions is None else partitions):
            self._states.pop(partition, None)

    def view_positions(self) -> list[ViewPosition]:
        """List where every view stands in every partition that is ours."""
        return [
            view_position
            for partition_state in self._states.values()
            for view_position in partition_state.view_positions
        ]

    def has_rolled_back(self, view_positions: Iterable[ViewPosition]) -> bool:
        """Say whether any checkpoint that the store has is behind the one that it kept for us.

        That is a store that lost its last writes, and the rows went with the checkpoint. Raises
        StoreUnavailable.
        """
        saved = self._saved()
        return any(
            _checkpoint_of(saved, view_position.live, view_position.partition).applied_offset
            < view_position.saved_offset
            for view_position in view_positions
        )

    def _set_live(self, live: Sequence[ViewGeneration]) -> None:
        self._live = tuple(live)
        self._topics: dict[str, Topic] = {each.view.topic.name: each.view.topic for each in live}

    def _saved(self) -> SavedCheckpoints:
        return {
            (live, (checkpoint.topic, checkpoint.partition)): checkpoint
            for live in self._live
            for checkpoint in self._store.checkpoints(live.view.name, live.generation)
        }

    def _partition_state(
        self,
        partition: Partition,
        saved: SavedCheckpoints,
        parked: Mapping[ViewGeneration, list[ParkedEntry]],
    ) -> PartitionState:
        topic, _ = partition
        reading = [live for live in self._live if live.view.topic.name == topic]
        return PartitionState(
            partition,
            [
                ViewPosition(live, _checkpoint_of(saved, live, partition), parked[live])
                for live in reading
            ],
        )

    def _fit(self, partition_state: PartitionState, first: int, end: int) -> None:
        topic, number = partition_state.partition
        for view_position in partition_state.view_positions:
            if first <= view_position.next_offset <= end:
                continue
            if self._topics[topic].is_kept_forever:
                raise EventsLost(
                    f"{view_position.live.view.name} stands at offset {view_position.next_offset}"
                    f" of {topic} {number}, which has {first} to {end}; is this the log that it was"
                    " built from?"
                )
            view_position.next_offset = first


def _checkpoint_of(
    saved: SavedCheckpoints, live: ViewGeneration, partition: Partition
) -> Checkpoint:
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
