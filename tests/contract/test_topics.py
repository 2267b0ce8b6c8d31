"""What must hold of every topic, whatever is added."""

import re

import pytest

from avro_schemas.codec import encode
from infra.kafka import topics
from infra.kafka.client import Kafka
from infra.kafka.dead_letter_queue import dead_letter
from infra.kafka.partition_reader import Record
from infra.kafka.record_limits import require_writable
from infra.kafka.topics import (
    API_KEYS,
    ASSET_COMMANDS,
    ASSET_EVENTS,
    CATEGORY_COMMANDS,
    CATEGORY_EVENTS,
    COMMAND_RESULTS,
    COMMANDS_DEAD_LETTERS,
    DEAD_LETTERS_SETTLED,
    DISCARDED_BLOBS,
    GROUP_OFFSETS,
    IMAGE_JOBS,
    IMAGE_JOBS_DEAD_LETTERS,
    LARGEST_BATCH_BYTES,
    LARGEST_RECORD_BYTES,
    OPERATION_COMMANDS,
    OPERATION_EVENTS,
    PROJECTIONS_DEAD_LETTERS,
    RETRY_TIERS,
    TOPICS,
    WEBHOOK_ATTEMPTS,
    WEBHOOK_DELIVERIES,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_HOLDS,
    WEBHOOK_REDELIVERIES,
    WEBHOOKS_DEAD_LETTERS,
    Topic,
)
from infra.settings import Settings
from tests.support.samples import NOON

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)?")

# Where whoever works on a topic puts what it cannot read.
DEAD_LETTERS_OF = {
    ASSET_COMMANDS: COMMANDS_DEAD_LETTERS,
    CATEGORY_COMMANDS: COMMANDS_DEAD_LETTERS,
    OPERATION_COMMANDS: COMMANDS_DEAD_LETTERS,
    IMAGE_JOBS: IMAGE_JOBS_DEAD_LETTERS,
    **dict.fromkeys(RETRY_TIERS, IMAGE_JOBS_DEAD_LETTERS),
    DISCARDED_BLOBS: IMAGE_JOBS_DEAD_LETTERS,
    ASSET_EVENTS: PROJECTIONS_DEAD_LETTERS,
    CATEGORY_EVENTS: PROJECTIONS_DEAD_LETTERS,
    OPERATION_EVENTS: PROJECTIONS_DEAD_LETTERS,
    COMMAND_RESULTS: PROJECTIONS_DEAD_LETTERS,
    WEBHOOK_DELIVERIES: WEBHOOKS_DEAD_LETTERS,
    **dict.fromkeys(WEBHOOK_HOLDS, WEBHOOKS_DEAD_LETTERS),
    WEBHOOK_REDELIVERIES: WEBHOOKS_DEAD_LETTERS,
}
ONLY_LOOKED_AT = {
    API_KEYS,
    DEAD_LETTERS_SETTLED,
    GROUP_OFFSETS,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_ATTEMPTS,
}  # what is odd there is left out
EVENT_TOPICS = [topic for topic in TOPICS if topic.name.endswith("-events")]
DEAD_LETTERS = [topic for topic in TOPICS if topic.name.endswith(".dead-letters")]


def named(topic: Topic) -> str:
    return topic.name


@pytest.mark.parametrize("topic", TOPICS, ids=named)
def test_a_name_is_kebab_case(topic: Topic) -> None:
    assert NAME.fullmatch(topic.name)


def test_every_topic_is_listed_once() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


@pytest.mark.parametrize("topic", EVENT_TOPICS, ids=named)
def test_events_are_kept_for_ever_and_written_in_transactions(topic: Topic) -> None:
    assert topic.is_kept_forever
    assert topic.is_transactional


def test_nothing_but_events_is_kept_for_ever() -> None:
    assert [topic for topic in TOPICS if topic.is_kept_forever] == EVENT_TOPICS


def test_what_cannot_be_worked_on_has_a_place_to_go() -> None:
    assert set(DEAD_LETTERS_OF) == set(TOPICS) - set(DEAD_LETTERS) - ONLY_LOOKED_AT
    assert set(DEAD_LETTERS_OF.values()) == set(DEAD_LETTERS)


def test_an_operator_sees_every_dead_letter() -> None:
    assert set(topics.DEAD_LETTERS) == set(DEAD_LETTERS)


@pytest.mark.parametrize("topic", DEAD_LETTERS, ids=named)
def test_a_dead_letter_outlives_the_topics_that_may_be_read_again(topic: Topic) -> None:
    sources = [source for source, letters in DEAD_LETTERS_OF.items() if letters == topic]
    assert all(
        source.is_kept_forever or topic.retention_ms > source.retention_ms for source in sources
    )


@pytest.mark.parametrize(
    ("commands", "events"),
    [
        pytest.param(ASSET_COMMANDS, ASSET_EVENTS, id="assets"),
        pytest.param(CATEGORY_COMMANDS, CATEGORY_EVENTS, id="categories"),
        pytest.param(OPERATION_COMMANDS, OPERATION_EVENTS, id="operations"),
    ],
)
def test_the_owner_of_a_command_partition_owns_the_events_of_the_same_number(
    commands: Topic, events: Topic
) -> None:
    assert commands.partitions == events.partitions


@pytest.mark.parametrize("topic", TOPICS, ids=named)
def test_a_topic_takes_what_clients_may_send_and_fetch(topic: Topic) -> None:
    kafka = Kafka(bootstrap_servers="127.0.0.1:1")
    assert topic.batch_bytes == kafka.producer()["message.max.bytes"]
    assert topic.batch_bytes == kafka.reader()["fetch.message.max.bytes"]
    assert topic.batch_bytes > LARGEST_RECORD_BYTES


def test_a_dead_letter_of_anything_can_be_written() -> None:
    worst = Record(
        topic="asset-commands",
        partition=0,
        offset=0,
        key=b"k" * LARGEST_BATCH_BYTES,
        value=b"v" * LARGEST_BATCH_BYTES,
        timestamp_ms=0,
    )
    letter = dead_letter(worst, "too_large", "\U0001f4f7\ud800" * LARGEST_BATCH_BYTES, NOON)
    key = letter.key.decode(errors="replace")
    require_writable(COMMANDS_DEAD_LETTERS, key, encode(letter))
    assert letter.cut_from_bytes == LARGEST_BATCH_BYTES


def test_faust_reads_no_topic_that_is_written_in_transactions() -> None:
    assert not any(topic.is_transactional for topic in (IMAGE_JOBS, *RETRY_TIERS))


def test_a_job_keeps_its_partition_number_in_every_tier() -> None:
    assert {tier.partitions for tier in RETRY_TIERS} == {IMAGE_JOBS.partitions}


def test_a_retry_tier_holds_back_as_long_as_its_name_says_and_longer_than_the_one_before() -> None:
    delays = Settings.model_fields["fetch"].default.retry_seconds
    named = [tier.name.rpartition("-")[2] for tier in RETRY_TIERS]
    assert named == ["10s", "1m", "10m"]
    assert list(delays) == [10, 60, 600]
