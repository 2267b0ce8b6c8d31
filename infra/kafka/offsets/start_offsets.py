"""Start offsets: where a group resumes in a log that may have lost what it wants."""

import logging
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra.errors import BrokerUnavailable, LogIncomplete
from infra.kafka.offsets.retained_offsets import RetainedOffsets
from infra.kafka.partition_reader import Partition
from infra.kafka.topics import Topic

_TIMEOUT_SECONDS = 10.0

StartsOf = Callable[[list[Partition]], Mapping[Partition, int]]

log = logging.getLogger(__name__)


class StartOffsets:
    """Knows where the members of a group begin; every method raises BrokerUnavailable."""

    def __init__(
        self,
        consumer: Consumer,
        prefix: str,
        group: str,
        topics: Mapping[str, Topic],
        kept: RetainedOffsets | None,
    ) -> None:
        self._consumer = consumer
        self._prefix = prefix
        self._group = group
        self._topics = topics
        self._kept = kept

    def of(
        self,
        partitions: Mapping[Partition, int | None],
        *,
        starts_of: StartsOf | None = None,
        at_least: Mapping[Partition, int] = MappingProxyType({}),
    ) -> dict[Partition, int]:
        """Say where to read partitions; a place named with one goes before what the group knows.

        What ``start_offsets_of`` says goes before both. Raises LogIncomplete, and what
        ``start_offsets_of`` does.
        """
        wanted = self.committed(partitions)
        forgotten = [each for each, offset in wanted.items() if offset is None]
        if self._kept and forgotten:
            wanted |= self._kept.read(forgotten)
        wanted |= {each: known for each, known in partitions.items() if known is not None}
        for each in at_least.keys() & wanted.keys():
            wanted[each] = max(at_least[each], wanted[each] or 0)
        if starts_of:
            wanted |= starts_of(list(partitions))
        bounds = self.bounds(partitions)
        return {
            each: start_offset(self._group, self._topics[each[0]], each[1], offset, bounds[each])
            for each, offset in wanted.items()
        }

    def committed(self, partitions: Iterable[Partition]) -> dict[Partition, int | None]:
        """Ask for the group's next offsets."""
        try:
            found = self._consumer.committed(
                [TopicPartition(self._prefix + topic, number) for topic, number in partitions],
                timeout=_TIMEOUT_SECONDS,
            )
        except KafkaException as error:
            raise BrokerUnavailable(f"asking for committed offsets: {error}") from error
        return {
            (tp.topic.removeprefix(self._prefix), tp.partition): tp.offset
            if tp.offset >= 0
            else None
            for tp in found
        }

    def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """Ask where each partition begins and ends now."""
        try:
            return {
                (topic, number): self._consumer.get_watermark_offsets(
                    TopicPartition(self._prefix + topic, number), timeout=_TIMEOUT_SECONDS
                )
                for topic, number in partitions
            }
        except KafkaException as error:
            raise BrokerUnavailable(f"asking where partitions end: {error}") from error


def start_offset(
    group: str, topic: Topic, number: int, wanted: int | None, bounds: tuple[int, int]
) -> int:
    """Say where to read on; ``wanted`` is None where the group never was, or the broker forgot it.

    A topic that forgets is read from what it has, and it is said loudly what is passed over. One
    that is kept for ever lost its history when it does not begin at 0, or ends before the place:
    raises LogIncomplete.
    """
    first, end = bounds
    stands_at = wanted or 0
    if topic.is_kept_forever and (first > 0 or stands_at > end):
        raise LogIncomplete(
            f"{topic.name} {number} has {first} to {end} and {group} stands at {stands_at}: events"
            " are lost; restore the log before going on"
        )
    if wanted is None:
        if first > 0:
            log.warning("%s begins %s %d at %d, where it begins", group, topic.name, number, first)
        return first
    if wanted < first:
        log.error(
            "%s passes over %d records of %s %d, which the topic has forgotten",
            *(group, first - wanted, topic.name, number),
        )
        return first
    if wanted > end:
        log.error(
            "%s stands at %d of %s %d, which ends at %d: going on at its end",
            *(group, wanted, topic.name, number, end),
        )
        return end
    return wanted
