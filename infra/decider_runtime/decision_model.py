"""What the runtime of deciders knows of commands and decisions, and what it asks of their model."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from avro_schemas.codec import Message
from domain.errors import CommandCannotBeDecided
from domain.values import CommandId
from infra.kafka.group_consumer import GroupConsumer, Partition
from infra.kafka.partition_reader import Record
from infra.kafka.producer import LogPosition
from infra.kafka.topics import Topic


class ReplyAddress(Protocol):
    """Which command it is, what it is about, and where its sender waits for the reply, if so."""

    @property
    def command_id(self) -> CommandId:
        """Which command it is."""

    @property
    def entity_id(self) -> str:
        """What it is about: the key of all that follows from it."""

    @property
    def reply_partition(self) -> int | None:
        """The partition of command-results that the sender follows; None when nobody waits."""


class DecidableCommand(Protocol):
    """A command as far as its runtime looks at it."""

    @property
    def metadata(self) -> ReplyAddress:
        """Which command it is, and where its sender waits."""


CommandT = TypeVar("CommandT", bound=DecidableCommand)


class Decision(Protocol):
    """What a command comes to: events, and whatever else is appended with them."""

    position: LogPosition | None
    """Where the last of its events lies; the runtime sets it before it asks for the reply."""

    @property
    def command(self) -> DecidableCommand:
        """What was decided."""

    @property
    def written(self) -> Sequence[bytes]:
        """The events, encoded."""

    @property
    def also(self) -> Iterable[tuple[Topic, bytes]]:
        """Further records that follow from the command."""

    def reply(self) -> bytes | None:
        """Encode what the sender is told; None when nobody ever asks."""


DecisionT = TypeVar("DecisionT", bound=Decision)


class DecisionModel(Protocol[CommandT, DecisionT]):
    """The aggregates of one kind of decider: what is folded of them, and how they decide.

    A batch is decided before any of it is appended. Then either ``committed`` follows, or the
    transaction failed and ``forget``.
    """

    def close(self) -> None:
        """Let go of connections."""

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Take it that these partitions of commands led to events that are not folded."""

    def fold(self, records: Sequence[Record], consumer: GroupConsumer) -> list[Record]:
        """Fold what these commands may meet; give those of them that can be decided.

        Raises BrokerUnavailable.
        """

    def is_folded(self, partition: Partition, offset: int) -> bool:
        """Return True if the event at this offset is folded for good."""

    def begin(self) -> None:
        """Begin a batch; called while no transaction is open."""

    def command_in(self, topic: str, message: Message) -> CommandT | None:
        """Give the message if it is a command of this topic."""

    def decide(self, partition: int, command: CommandT) -> DecisionT:
        """Decide one command on top of the ones before it in the batch.

        A refusal is a decision. What is raised says that the command cannot be decided, and then
        nothing of it is kept; but an InfraError, KeysLost, OSError or MemoryError is about the
        things around us, unless it is HistoryBroken or RecordRefused.
        """

    def refusal(self, command: CommandT, refusal: CommandCannotBeDecided) -> bytes:
        """Encode what the sender of a command that cannot be decided is told."""

    def committed(self, decisions: Sequence[DecisionT]) -> None:
        """Fold the events of a batch, which lie in the log now."""
