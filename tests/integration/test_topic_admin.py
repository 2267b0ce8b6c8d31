"""Topics on a real broker: made as declared, and refused when they could lose events."""

import pytest
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)

from infra.errors import TopicsWrong
from infra.kafka.admin import apply_topics, check_topics
from infra.kafka.client import Kafka
from infra.kafka.topics import API_KEYS, ASSET_EVENTS, IMAGE_JOBS, Topic
from tests.support.eventually import eventually
from tests.support.servers import Servers

SOME = (ASSET_EVENTS, IMAGE_JOBS, API_KEYS)


@pytest.fixture
def kafka(servers: Servers, topic_prefix: str) -> Kafka:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    assert apply_topics(kafka, SOME) == [topic.name for topic in SOME]
    return kafka


def alter(kafka: Kafka, topic: Topic, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, kafka.topic(topic), incremental_configs=[entry])
    admin = kafka.admin()  # held: what it began ends with it
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(timeout=20)


def refusal(kafka: Kafka) -> str:
    try:
        check_topics(kafka, SOME)
    except TopicsWrong as wrong:
        return str(wrong)
    return ""


def test_topics_are_made_once_and_then_as_declared(kafka: Kafka) -> None:
    assert apply_topics(kafka, SOME) == []
    check_topics(kafka, SOME)


@pytest.mark.parametrize(
    ("topic", "name", "value"),
    [
        (ASSET_EVENTS, "retention.ms", "604800000"),
        (ASSET_EVENTS, "retention.bytes", "1000000"),
        (ASSET_EVENTS, "cleanup.policy", "compact"),
        (API_KEYS, "cleanup.policy", "delete"),
    ],
)
def test_a_log_that_could_lose_records_is_refused(
    kafka: Kafka, topic: Topic, name: str, value: str
) -> None:
    alter(kafka, topic, name, value)
    said = eventually(lambda: refusal(kafka))
    assert topic.name in said
    assert name in said


def test_a_work_topic_may_be_kept_shorter(kafka: Kafka) -> None:
    alter(kafka, IMAGE_JOBS, "retention.ms", "3600000")
    assert refusal(kafka) == ""


def test_a_missing_topic_and_moved_keys_are_refused(kafka: Kafka) -> None:
    more = NewPartitions(kafka.topic(IMAGE_JOBS), IMAGE_JOBS.partitions + 1)
    admin = kafka.admin()
    for done in admin.create_partitions([more]).values():
        done.result(timeout=20)
    said = eventually(lambda: refusal(kafka))
    assert "13 partitions instead of 12" in said
    with pytest.raises(TopicsWrong, match="category-events is missing"):
        check_topics(kafka)


def test_a_topic_that_takes_too_little_is_refused_and_mended(kafka: Kafka) -> None:
    alter(kafka, IMAGE_JOBS, "max.message.bytes", "1048588")
    said = eventually(lambda: refusal(kafka))
    assert "image-jobs has max.message.bytes 1048588 instead of 2000000" in said
    assert apply_topics(kafka, SOME) == []
    eventually(lambda: refusal(kafka) == "")
