"""The interface of the log, as projections read it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from infra.kafka.group_consumer import Partition, StartsOf
from infra.kafka.partition_reader import Record
from infra.kafka.topics import Topic


class LogReader(Protocol):
    """Reads the partitions that this process owns for now; ``GroupConsumer`` is one.

    Every method may raise BrokerUnavailable.
    """

    def poll(self, at_most: int, timeout_seconds: float) -> list[Record]:
        """Read what is there, waiting at most this long for the first record."""

    def position(self, partition: Partition) -> int:
        """Give the next offset of a partition, at its end past control markers too."""

    def assigned(self) -> list[Partition]:
        """Name the partitions owned now."""

    def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """Ask where each partition begins and ends now."""

    def ends(self) -> dict[Partition, int]:
        """Tell where partitions ended when that was last heard of."""

    def seek(self, partition: Partition, offset: int) -> None:
        """Read a partition again from this offset."""

    def pause(self) -> None:
        """Bring nothing until ``resume``; polling goes on, to stay in the group."""

    def resume(self) -> None:
        """Bring records again, from where reading stopped."""

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Tell the group the next offset of each partition."""


OpenReader = Callable[
    [Sequence[Topic], StartsOf, Callable[[list[Partition]], None]],
    AbstractContextManager[LogReader],
]
