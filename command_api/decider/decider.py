"""The decider of assets and categories: what its runtime folds, decides by and remembers."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from avro_schemas.codec import Message
from command_api.decider.catalogue_table import CatalogueTable
from command_api.decider.command_batch import CommandBatch, CommandDecision, DecidedCommand
from command_api.decider.folded_state import FoldedState
from command_api.decider.partition_catch_up import PartitionCatchUp
from domain.asset.commands import AssetCommand
from domain.category.commands import CatalogueCommand
from domain.category.events import CatalogueEvent
from domain.outcomes import refused
from infra.decider_runtime.runtime import DeciderRuntime, DeciderTopics
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import GroupConsumer, Partition
from infra.kafka.partition_reader import Record
from infra.kafka.topics import (
    ASSET_COMMANDS,
    ASSET_EVENTS,
    CATEGORY_COMMANDS,
    CATEGORY_EVENTS,
    DISCARDED_BLOBS,
)

GROUP = "command_api.decider"
_TOPICS = DeciderTopics(
    group=GROUP,
    family="decider-",
    events={ASSET_COMMANDS: ASSET_EVENTS, CATEGORY_COMMANDS: CATEGORY_EVENTS},
    also=(DISCARDED_BLOBS,),
    largest_batch=500,
)


class AssetAndCategoryModel:
    """What commands about assets and categories are decided by, and what is remembered of them.

    Assets are folded to disk (folded_state.py), categories in memory (catalogue_table.py).
    """

    def __init__(self, kafka: Kafka, state: FoldedState, now: Callable[[], datetime]) -> None:
        self._state = state
        self._now = now
        self._catalogues = CatalogueTable(kafka)
        self._must_catch_up = True
        self._catch_up = PartitionCatchUp(kafka, state)
        self._batch = CommandBatch(state, self._catalogues, now)

    def close(self) -> None:
        """Let go of the categories' connection; the folded state is closed by its owner."""
        self._catalogues.close()

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Take it that these partitions led to events that are not folded, as all categories."""
        self._catch_up.mark_stale(partitions)
        self._must_catch_up = True

    def fold(self, records: Sequence[Record], consumer: GroupConsumer) -> list[Record]:
        """Fold what these commands may meet; give those of them that can be decided."""
        ours = self._catch_up.fold(records, consumer)
        if records and self._must_catch_up:
            self._catalogues.catch_up()
            self._must_catch_up = False
        else:
            self._catalogues.follow()
        return ours

    def is_folded(self, partition: Partition, offset: int) -> bool:
        """Return True if the event at this offset is folded to disk."""
        return self._catch_up.is_folded(partition, offset)

    def begin(self) -> None:
        """Begin a batch on top of what is folded."""
        self._batch = CommandBatch(self._state, self._catalogues, self._now)

    def command_in(self, topic: str, message: Message) -> DecidedCommand | None:
        """Give the message if it is a command of this topic."""
        kind = AssetCommand if topic == ASSET_COMMANDS.name else CatalogueCommand
        return message if isinstance(message, kind) else None

    def decide(self, partition: int, command: DecidedCommand) -> CommandDecision:
        """Decide one command on top of the ones before it in the batch."""
        return self._batch.decide(partition, command)

    def committed(self, decisions: Sequence[CommandDecision]) -> None:
        """Fold the events of a batch, and remember the replies for commands that come again."""
        reached: dict[int, int] = {}
        for decision in decisions:
            if decision.position is None:
                continue
            if isinstance(decision.command, AssetCommand):
                reached[decision.partition] = decision.position.offset + 1
                self._batch.remember(decision)
            for event in decision.events:
                if isinstance(event, CatalogueEvent):
                    self._catalogues.apply(event, decision.position)
        for partition, next_offset in reached.items():
            self._state.apply(partition, self._batch.changes[partition], next_offset)


def new_decider(
    kafka: Kafka,
    state: FoldedState,
    instance: str,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> DeciderRuntime[DecidedCommand, CommandDecision]:
    """Join the deciders of assets and categories; ``instance`` tells them apart."""
    model = AssetAndCategoryModel(kafka, state, now)
    return DeciderRuntime(kafka, instance, _TOPICS, model, refused, now)
