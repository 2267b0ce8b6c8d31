"""A member of a consumer group as the stream processes use it, and its commit."""

import logging
from collections.abc import Mapping
from typing import Protocol

from infra.errors import BrokerUnavailable
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record

log = logging.getLogger(__name__)


class RecordConsumer(Protocol):
    """A member of a consumer group."""

    def poll(self, at_most: int, timeout_seconds: float, /) -> list[Record]:
        """Read records; raises BrokerUnavailable."""

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit offsets; raises BrokerUnavailable."""


class PausableConsumer(RecordConsumer, Protocol):
    """A member of a consumer group that can stop reading without leaving it."""

    def pause(self) -> None:
        """Bring no records for now."""

    def resume(self) -> None:
        """Bring records again."""


def commit_if_possible(consumer: RecordConsumer, offsets: Mapping[Partition, int]) -> bool:
    """Commit offsets, and return False if the broker is away: the records come again then."""
    try:
        if offsets:
            consumer.commit(offsets)
    except BrokerUnavailable as error:
        log.warning("not committed: %s", error)
        return False
    return True
