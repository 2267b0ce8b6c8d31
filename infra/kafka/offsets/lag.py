"""The lag of each consumer group."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from infra.errors import BrokerUnavailable
from infra.kafka.client import Kafka
from infra.kafka.topics import (
    ASSET_COMMANDS,
    ASSET_EVENTS,
    CATEGORY_COMMANDS,
    CATEGORY_EVENTS,
    COMMAND_RESULTS,
    DISCARDED_BLOBS,
    IMAGE_JOBS,
    OPERATION_COMMANDS,
    OPERATION_EVENTS,
    RETRY_TIERS,
    WEBHOOK_DELIVERIES,
    WEBHOOK_HOLDS,
    WEBHOOK_REDELIVERIES,
    Topic,
)

GROUP_TOPICS: Mapping[str, tuple[Topic, ...]] = {
    "command_api.decider": (ASSET_COMMANDS, CATEGORY_COMMANDS),
    "streams.discarding": (DISCARDED_BLOBS,),
    "streams.dispatching": (ASSET_EVENTS,),
    **{f"streams.{tier.name}": (tier,) for tier in RETRY_TIERS},
    "streams.operating": (OPERATION_COMMANDS,),
    "streams.processing": (IMAGE_JOBS,),
    "streams.purging": (ASSET_EVENTS,),
    "streams.notifying": (ASSET_EVENTS,),
    "streams.notifying.deliveries": (WEBHOOK_DELIVERIES,),
    **{f"streams.{tier.name}": (tier,) for tier in WEBHOOK_HOLDS},
    "streams.notifying.redeliveries": (WEBHOOK_REDELIVERIES,),
    "projections": (ASSET_EVENTS, CATEGORY_EVENTS, OPERATION_EVENTS, COMMAND_RESULTS),
}
_TIMEOUT_SECONDS = 10.0
_EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call] # ships without
_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call] # as above


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLag:
    """Records that a group has still to read, over all its topics.

    What a topic has forgotten does not count. On topics written in transactions the end counts
    control markers too, so a group that has read everything may still show a few.
    """

    group: str
    records: int


def group_lags(kafka: Kafka) -> list[GroupLag]:
    """Ask the broker for every group's lag; raises BrokerUnavailable."""
    admin = kafka.admin()
    try:
        read = {topic for topics in GROUP_TOPICS.values() for topic in topics}
        firsts, ends = _ask(kafka, admin, read, _EARLIEST), _ask(kafka, admin, read, _LATEST)
        return [
            GroupLag(
                group=group,
                records=sum(
                    max(0, ends[at] - max(place.offset, firsts[at]))
                    for place in _committed(kafka, admin, group, topics)
                    for at in [(place.topic, place.partition)]
                ),
            )
            for group, topics in GROUP_TOPICS.items()
        ]
    except KafkaException as error:
        raise BrokerUnavailable(f"asking for lag: {error}") from error


def group_has_read(kafka: Kafka, group: str, topic: Topic, ends: Mapping[int, int]) -> bool:
    """Tell whether a group has seen to all that lies before these ends of a topic's partitions.

    What the topic has forgotten nobody will see to. Raises BrokerUnavailable.
    """
    admin = kafka.admin()
    try:
        committed = _committed(kafka, admin, group, (topic,))
        firsts = _ask(kafka, admin, {topic}, _EARLIEST)
    except KafkaException as error:
        raise BrokerUnavailable(f"asking what {group} has read: {error}") from error
    return all(
        max(place.offset, firsts[place.topic, place.partition]) >= ends.get(place.partition, 0)
        for place in committed
    )


def _ask(
    kafka: Kafka, admin: AdminClient, topics: Collection[Topic], what: OffsetSpec
) -> dict[tuple[str, int], int]:
    places = [
        TopicPartition(kafka.topic(topic), partition)
        for topic in topics
        for partition in range(topic.partitions)
    ]
    asked = admin.list_offsets(dict.fromkeys(places, what))
    return {
        (place.topic, place.partition): done.result(timeout=_TIMEOUT_SECONDS).offset
        for place, done in asked.items()
    }


def _committed(
    kafka: Kafka, admin: AdminClient, group: str, topics: tuple[Topic, ...]
) -> list[TopicPartition]:
    places = [
        TopicPartition(kafka.topic(topic), partition)
        for topic in topics
        for partition in range(topic.partitions)
    ]
    request = ConsumerGroupTopicPartitions(kafka.group(group), places)
    (done,) = admin.list_consumer_group_offsets([request]).values()
    return list(done.result(timeout=_TIMEOUT_SECONDS).topic_partitions)
