"""``scalehoster dead-letters`` on a real broker."""

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner

from avro_schemas.codec import decode, encode
from cli.__main__ import app
from domain.asset.commands import ReplaceSource
from domain.dead_letter import DeadLetter
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.producer import LogPosition, RecordProducer
from infra.kafka.topics import (
    ASSET_COMMANDS,
    COMMANDS_DEAD_LETTERS,
    DEAD_LETTERS,
    DEAD_LETTERS_SETTLED,
    IMAGE_JOBS_DEAD_LETTERS,
    Topic,
)
from tests.support.samples import NOON
from tests.support.servers import Servers
from tests.support.stream_samples import JOB

PARKED = DeadLetter(
    topic="image-jobs",
    partition=0,
    offset=0,
    key=b"k",
    value=encode(JOB),
    code="internal",
    detail="something of ours failed",
    parked_at=NOON,
)


@pytest.fixture
def kafka(servers: Servers, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> Kafka:
    host, _, port = servers.bootstrap_servers.partition(":")
    monkeypatch.setenv("SCALEHOSTER_KAFKA__HOST", host)
    monkeypatch.setenv("SCALEHOSTER_KAFKA__PORT", port)
    monkeypatch.setenv("SCALEHOSTER_KAFKA__TOPIC_PREFIX", topic_prefix)
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka, [ASSET_COMMANDS, *DEAD_LETTERS, DEAD_LETTERS_SETTLED])
    return kafka


def park(kafka: Kafka, topic: Topic, *letters: DeadLetter) -> list[str]:
    """Let letters lie, and name them in the order in which they are listed."""

    async def send() -> list[LogPosition]:
        async with RecordProducer(kafka) as sender:
            return [
                await sender.send(topic, str(number), encode(letter))
                for number, letter in enumerate(letters)
            ]

    places = sorted((at.partition, at.offset) for at in asyncio.run(send()))
    return [f"{topic.name}:{partition}:{offset}" for partition, offset in places]


def said(*arguments: str, code: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
    result = CliRunner().invoke(app, ["dead-letters", *arguments])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def listed(*options: str) -> list[str]:
    return [row["letter"] for row in said("list", "--json", *options)]


def test_letters_are_found_tried_again_and_dropped(kafka: Kafka) -> None:
    jobs = park(kafka, IMAGE_JOBS_DEAD_LETTERS, *(5 * [PARKED]))
    command = DeadLetter(
        topic="asset-commands",
        partition=0,
        offset=0,
        key=b"k",
        value=b"junk",
        code="undecodable",
        detail="no schema",
        parked_at=NOON,
    )
    (junk,) = park(kafka, COMMANDS_DEAD_LETTERS, command)

    assert listed() == [*jobs, junk]
    assert listed("--limit", "2") == jobs[:2]
    assert listed("--code", "undecodable") == [junk]
    assert said("show", jobs[1])["message"]["asset_id"] == JOB.asset_id

    assert said("retry", jobs[0], "--json") == {"retried": 1, "refused": []}
    assert listed("--tenant", JOB.tenant_id) == jobs[1:]
    assert said("retry", "--all", "--host", "example.com", "--json")["retried"] == 4
    assert said("drop", junk, "--json") == {"dropped": 1, "refused": []}

    assert listed() == []
    with read_from_beginning(kafka, ASSET_COMMANDS) as reader:
        commands = [decode(record.value) for record in reader.read_to_end()]
    assert [type(each) for each in commands] == 5 * [ReplaceSource]


def test_a_letter_must_be_named_or_all_of_them() -> None:
    assert CliRunner().invoke(app, ["dead-letters", "retry"]).exit_code == 2
    assert CliRunner().invoke(app, ["dead-letters", "drop", "x", "--all"]).exit_code == 2
