"""What reads a topic as one of a group, as far as the streams need it."""

from collections.abc import Mapping
from typing import Protocol

from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record


class RecordConsumer(Protocol):
    """What reads as one of a group."""

    def poll(self, at_most: int, timeout_seconds: float, /) -> list[Record]:
        """Read what is there; raises BrokerUnavailable."""

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Note how far we are; raises BrokerUnavailable."""
