"""Committed offsets of consumer groups, read and set from outside of them."""

from collections.abc import Iterable, Mapping

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition

from infra.errors import BrokerUnavailable
from infra.kafka.client import Kafka
from infra.kafka.topics import Topic

_TIMEOUT_SECONDS = 20.0


class GroupOffsets:
    """Asks about groups and moves those that nobody is in; raises BrokerUnavailable."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._admin = kafka.admin()

    def in_use(self, groups: Iterable[str]) -> list[str]:
        """Name those of our groups that have a member: a process that runs."""
        names = {self._kafka.group(group): group for group in groups}
        try:
            asked = self._admin.describe_consumer_groups(
                list(names), request_timeout=_TIMEOUT_SECONDS
            )
            return [
                names[name]
                for name, done in asked.items()
                if done.result(timeout=_TIMEOUT_SECONDS).members
            ]
        except (KafkaException, TimeoutError) as error:
            raise BrokerUnavailable(f"asking who is in which group: {error}") from error

    def committed(self, group: str, topic: Topic) -> dict[int, int]:
        """Give the next offset of each partition that the group has committed one for."""
        places = [
            TopicPartition(self._kafka.topic(topic), number) for number in range(topic.partitions)
        ]
        request = ConsumerGroupTopicPartitions(self._kafka.group(group), places)
        try:
            (done,) = self._admin.list_consumer_group_offsets([request]).values()
            found = done.result(timeout=_TIMEOUT_SECONDS).topic_partitions
        except (KafkaException, TimeoutError) as error:
            raise BrokerUnavailable(f"asking where {group} stands: {error}") from error
        return {place.partition: place.offset for place in found if place.offset >= 0}

    def set(self, group: str, topic: Topic, offsets: Mapping[int, int]) -> None:
        """Have the group go on from these offsets when it starts; it must have no member."""
        places = [
            TopicPartition(self._kafka.topic(topic), number, offset)
            for number, offset in offsets.items()
        ]
        request = ConsumerGroupTopicPartitions(self._kafka.group(group), places)
        try:
            (done,) = self._admin.alter_consumer_group_offsets([request]).values()
            found = done.result(timeout=_TIMEOUT_SECONDS).topic_partitions
        except (KafkaException, TimeoutError) as error:
            raise BrokerUnavailable(f"setting where {group} stands: {error}") from error
        failed = [str(place.error) for place in found if place.error]
        if failed:
            raise BrokerUnavailable(f"setting where {group} stands: {failed[0]}")
