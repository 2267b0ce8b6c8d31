"""Topics are made and checked here, by one admin step, never by a client that missed one."""

import time
from collections.abc import Collection

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from infra.errors import BrokerUnavailable, TopicsWrong
from infra.kafka import Kafka
from infra.topics import TOPICS, Topic

_TIMEOUT_SECONDS = 20.0
_PAUSE_SECONDS = 0.1
_REPLICAS_WANTED = 3


def apply_topics(kafka: Kafka, topics: Collection[Topic] = TOPICS) -> list[str]:
    """Make the topics that are missing and name them; those that exist are left as they are.

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
        _wait_for_leaders(admin, {kafka.topic(topic) for topic in topics})
    except KafkaException as error:
        raise BrokerUnavailable(f"making topics: {error}") from error
    return [topic.name for topic in missing]


def check_topics(kafka: Kafka, topics: Collection[Topic] = TOPICS) -> None:
    """Refuse to go on when a topic is missing or could lose what must be kept.

    Raises TopicsWrong naming every difference that matters, BrokerUnavailable when Kafka does not
    answer. Partition counts matter too: a key would be looked for in the wrong partition.
    """
    admin = kafka.admin()
    try:
        present = admin.list_topics(timeout=_TIMEOUT_SECONDS).topics
        wrong = [f"{t.name} is missing" for t in topics if kafka.topic(t) not in present]
        found = [topic for topic in topics if kafka.topic(topic) in present]
        configs = (
            admin.describe_configs(
                [ConfigResource(ResourceType.TOPIC, kafka.topic(topic)) for topic in found]
            )
            if found
            else {}
        )
        live = {
            resource.name: {name: entry.value for name, entry in done.result().items()}
            for resource, done in configs.items()
        }
    except KafkaException as error:
        raise BrokerUnavailable(f"checking topics: {error}") from error
    for topic in found:
        count = len(present[kafka.topic(topic)].partitions)
        if count != topic.partitions:
            wrong.append(f"{topic.name} has {count} partitions instead of {topic.partitions}")
        if topic.is_kept_forever or topic.cleanup == "compact":
            wrong += _losses(topic, live[kafka.topic(topic)])
    if wrong:
        raise TopicsWrong("; ".join(wrong) + ". Run 'scalehoster topics apply', or mend them")


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


def _losses(topic: Topic, live: dict[str, str | None]) -> list[str]:
    wanted = _config(topic)
    return [
        f"{topic.name} could lose events: {name} is {live.get(name)} instead of {value}"
        for name, value in wanted.items()
        if live.get(name) != value
    ]


def _config(topic: Topic) -> dict[str, str]:
    config = {"cleanup.policy": topic.cleanup, "retention.ms": str(topic.retention_ms)}
    if topic.is_kept_forever:
        config["retention.bytes"] = "-1"
    return config


def _tolerate_existing(done: object) -> None:
    try:
        done.result()  # type: ignore[attr-defined] # a Future; the library does not say so
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
