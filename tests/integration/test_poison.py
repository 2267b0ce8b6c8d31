"""One command that a real broker does not take, and an installation that slept for too long."""

from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from avro_schemas.codec import decode
from command_api.decider.decider import GROUP
from domain.dead_letter import DeadLetter
from domain.outcomes import CommandAccepted
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS, COMMANDS_DEAD_LETTERS
from tests.integration.test_decider import answers, running, send, told_so_far
from tests.support.eventually import eventually
from tests.support.samples import ACME, create_category, metadata, submit
from tests.support.servers import Servers

ASSETS = [f"0190b6f0-0000-7000-8000-00000000000{number}" for number in range(4)]


@pytest.fixture
def kafka(servers: Servers, topic_prefix: str) -> Kafka:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka)
    return kafka


def have_events_take(kafka: Kafka, size: int) -> None:
    """Do behind our back what 'topics apply' would not do."""
    entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    name = kafka.topic(ASSET_EVENTS)
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
    admin = kafka.admin()  # held: what it began ends with it
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(timeout=20)


def test_what_a_broker_does_not_take_is_found_among_others_and_buried(
    kafka: Kafka, tmp_path: Path
) -> None:
    cats = create_category("cats", about=metadata(ACME, reply_partition=0))
    commands = [submit(metadata(each, reply_partition=0), "cats") for each in ASSETS[:3]]
    description = replace(commands[1].description, metadata=f'{{"a": "{6_000 * "x"}"}}')
    commands[1] = replace(commands[1], description=description)
    with running(kafka, tmp_path):
        answers(kafka, cats)
        have_events_take(kafka, 4_000)
        send(kafka, *commands)
        told = [
            eventually(lambda: told_so_far(kafka, each), within_seconds=60)  # noqa: B023 - asked at once
            for each in commands
        ]
    assert [getattr(answer, "problem", "accepted") for (answer,) in told] == [
        *("accepted", "CommandCannotBeDecided", "accepted")
    ]
    with read_from_beginning(kafka, COMMANDS_DEAD_LETTERS) as reader:
        (letter,) = (decode(record.value) for record in reader.read_to_end())
    assert isinstance(letter, DeadLetter)
    assert (letter.code, letter.topic) == ("not_written", ASSET_COMMANDS.name)


def test_a_decider_whose_offsets_and_commands_are_forgotten_goes_on(
    kafka: Kafka, tmp_path: Path
) -> None:
    with running(kafka, tmp_path):
        answers(kafka, create_category("cats", about=metadata(ACME, reply_partition=0)))
        answers(kafka, submit(metadata(ASSETS[0], reply_partition=0), "cats"))
    admin = kafka.admin()
    heads = [
        TopicPartition(kafka.topic(ASSET_COMMANDS), number, -1)  # all there is
        for number in range(ASSET_COMMANDS.partitions)
    ]
    for deleted in admin.delete_records(heads).values():
        deleted.result(timeout=20)
    for forgotten in admin.delete_consumer_groups([kafka.group(GROUP)]).values():
        forgotten.result(timeout=20)
    with running(kafka, tmp_path):
        again = submit(metadata(ASSETS[0], reply_partition=0), "cats")
        (told,) = answers(kafka, again)
    assert isinstance(told, CommandAccepted)
