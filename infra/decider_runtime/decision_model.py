"""What a decider runtime asks of a model of aggregates, and what it is given."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from avro_schemas.codec import Message
from domain.commands import Command
from domain.errors import Refusal
from infra.kafka.group_consumer import GroupConsumer, Partition
from infra.kafka.partition_reader import Record
from infra.kafka.producer import LogPosition
from infra.kafka.topics import Topic

CommandT = TypeVar("CommandT", bound=Command)


@dataclass(slots=True, kw_only=True)
class Decision(ABC, Generic[CommandT]):
    """What a command comes to.

    ``written`` are the events as they are appended, ``position`` is where the last of them lies: it
    has to be known before the reply can be.
    """

    command: CommandT
    now: datetime
    written: list[bytes] = field(default_factory=list)
    refusal: Refusal | None = None
    position: LogPosition | None = None

    @abstractmethod
    def reply(self) -> bytes | None:
        """Encode the reply to the sender; None when nobody ever asks."""

    def also_appended(self) -> Iterable[tuple[Topic, bytes]]:
        """Give what else follows from the command."""
        return ()


DecisionT = TypeVar("DecisionT", bound=Decision[Any])


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
        """Fold what these commands may meet; give those of them that can be decided."""

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

    def committed(self, decisions: Sequence[DecisionT]) -> None:
        """Fold the events of a batch, which lie in the log now."""
