"""Administration of topics: made and checked by an operator's step, never by a client."""

import time
from collections.abc import Collection

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from infra.errors import BrokerUnavailable, TopicsWrong
from infra.kafka.client import Kafka
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.topics import TOPICS, Topic

_TIMEOUT_SECONDS = 20.0
_PAUSE_SECONDS = 0.1
_REPLICAS_WANTED = 3
_BATCH_BYTES = "max.message.bytes"

TopicConfig = dict[str, str | None]


def apply_topics(kafka: Kafka, topics: Collection[Topic] = TOPICS) -> list[str]:
    """Make the topics that are missing and name them; those that exist are left as they are.

    But for the largest batch that they take: one that is smaller than ours is raised.
    With three brokers or more each partition gets 3 replicas of which 2 must have it; on a smaller
    cluster 1 and 1. Raises BrokerUnavailable.
    """
    admin = kafka.admin()
    try:
        cluster = admin.list_topics(timeout=_TIMEOUT_SECONDS)
        replicas = _REPLICAS_WANTED if len(cluster.brokers) >= _REPLICAS_WANTED else 1
        missing = [topic for topic in topics if kafka.topic(topic) not in cluster.topics]
        made = (
            admin.create_topics(
                [
                    NewTopic(
                        kafka.topic(topic),
                        num_partitions=topic.partitions,
                        replication_factor=replicas,
                        config=_config(topic) | {"min.insync.replicas": str(max(1, replicas - 1))},
                    )
                    for topic in missing
                ]
            )
            if missing
            else {}
        )
        for done in made.values():
            _tolerate_existing(done)
        _raise_limits(kafka, admin, [topic for topic in topics if topic not in missing])
        _wait_for_leaders(admin, {kafka.topic(topic) for topic in topics})
    except KafkaException as error:
        raise BrokerUnavailable(f"making topics: {error}") from error
    return [topic.name for topic in missing]


def check_topics(kafka: Kafka, topics: Collection[Topic] = TOPICS) -> None:
    """Refuse to go on when a topic is missing, lost what must be kept, or could lose it.

    Raises TopicsWrong naming every difference that matters, BrokerUnavailable when Kafka does not
    answer. Partition counts matter too: a key would be looked for in the wrong partition. So does
    the largest batch: what fits into one topic must fit into the next.
    """
    admin = kafka.admin()
    try:
        present = admin.list_topics(timeout=_TIMEOUT_SECONDS).topics
        wrong = [f"{t.name} is missing" for t in topics if kafka.topic(t) not in present]
        found = [topic for topic in topics if kafka.topic(topic) in present]
        live = _live_configs(kafka, admin, found)
        wrong += _without_heads(kafka, [each for each in found if each.is_kept_forever])
    except KafkaException as error:
        raise BrokerUnavailable(f"checking topics: {error}") from error
    for topic in found:
        count = len(present[kafka.topic(topic)].partitions)
        if count != topic.partitions:
            wrong.append(f"{topic.name} has {count} partitions instead of {topic.partitions}")
        if topic.is_kept_forever or topic.cleanup == "compact":
            wrong += _losses(topic, live[kafka.topic(topic)])
        if _takes_too_little(topic, live[kafka.topic(topic)]):
            taken = live[kafka.topic(topic)].get(_BATCH_BYTES)
            wrong.append(f"{topic.name} has {_BATCH_BYTES} {taken} instead of {topic.batch_bytes}")
    if wrong:
        raise TopicsWrong("; ".join(wrong) + ". Run 'scalehoster topics apply', or mend them")


def _without_heads(kafka: Kafka, topics: Collection[Topic]) -> list[str]:
    """Name the partitions of logs that are kept for ever and do not begin at 0 any more."""
    return [
        f"{name} {number} lost its first {first} events; restore the log"
        for (name, number), first in LogBounds(kafka).firsts(topics).items()
        if first > 0
    ]


def _wait_for_leaders(admin: AdminClient, names: set[str]) -> None:
    """Wait until every partition can be written to; a new topic takes a moment."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        live = admin.list_topics(timeout=_TIMEOUT_SECONDS).topics
        if names <= live.keys() and all(
            partition.leader >= 0 for name in names for partition in live[name].partitions.values()
        ):
            return
        if time.monotonic() > deadline:
            raise BrokerUnavailable("the new topics have no leaders")
        time.sleep(_PAUSE_SECONDS)


def _live_configs(kafka: Kafka, admin: AdminClient, topics: list[Topic]) -> dict[str, TopicConfig]:
    if not topics:
        return {}
    asked = admin.describe_configs(
        [ConfigResource(ResourceType.TOPIC, kafka.topic(topic)) for topic in topics]
    )
    return {
        resource.name: {name: entry.value for name, entry in done.result().items()}
        for resource, done in asked.items()
    }


def _takes_too_little(topic: Topic, live: TopicConfig) -> bool:
    return int(live.get(_BATCH_BYTES) or 0) < topic.batch_bytes


def _raise_limits(kafka: Kafka, admin: AdminClient, topics: list[Topic]) -> None:
    """Have topics that exist take the batches that clients send; a larger limit does no harm."""
    live = _live_configs(kafka, admin, topics)
    altered = [
        ConfigResource(
            ResourceType.TOPIC,
            kafka.topic(topic),
            incremental_configs=[
                ConfigEntry(
                    _BATCH_BYTES,
                    str(topic.batch_bytes),
                    incremental_operation=AlterConfigOpType.SET,
                )
            ],
        )
        for topic in topics
        if _takes_too_little(topic, live[kafka.topic(topic)])
    ]
    if altered:
        for done in admin.incremental_alter_configs(altered).values():
            done.result()


def _losses(topic: Topic, live: TopicConfig) -> list[str]:
    wanted = _config(topic)
    del wanted[_BATCH_BYTES]  # about that nothing is lost
    return [
        f"{topic.name} could lose events: {name} is {live.get(name)} instead of {value}"
        for name, value in wanted.items()
        if live.get(name) != value
    ]


def _config(topic: Topic) -> dict[str, str]:
    config = {
        "cleanup.policy": topic.cleanup,
        "retention.ms": str(topic.retention_ms),
        _BATCH_BYTES: str(topic.batch_bytes),
    }
    if topic.is_kept_forever:
        config["retention.bytes"] = "-1"
    return config


def _tolerate_existing(done: object) -> None:
    try:
        done.result()  # type: ignore[attr-defined] # a Future; the library does not say so
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
