"""The decider on a real broker: every command takes effect once, whatever is killed."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from uuid import uuid4

import pytest
from confluent_kafka import KafkaException

from avro_schemas.codec import decode, encode
from command_api.decider.decider import new_decider
from command_api.decider.folded_state import FoldedState
from domain.asset.events import AssetEvent
from domain.bulk_operation.commands import OperationCommand
from domain.commands import Command
from domain.events import Event
from domain.outcomes import CommandAccepted, CommandRefused, Outcome
from infra.errors import BrokerUnavailable
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import (
    ASSET_COMMANDS,
    ASSET_EVENTS,
    CATEGORY_COMMANDS,
    CATEGORY_EVENTS,
    COMMAND_RESULTS,
    COMMANDS_DEAD_LETTERS,
    OPERATION_COMMANDS,
    TOPICS,
    Topic,
)
from tests.support.eventually import eventually
from tests.support.samples import ACME, create_category, metadata, publish, set_categories, submit
from tests.support.servers import Servers

ROOT = Path(__file__).parents[2]


@pytest.fixture
def kafka(servers: Servers, topic_prefix: str) -> Kafka:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka)
    return kafka


@pytest.fixture
def decider(kafka: Kafka, tmp_path: Path) -> Iterator[None]:
    with running(kafka, tmp_path / "state"):
        yield


class running:  # noqa: N801 - reads as a claim in a with statement
    """A decider in a thread."""

    def __init__(self, kafka: Kafka, directory: Path) -> None:
        self._state = FoldedState(directory, kafka.log_id())
        self._decider = new_decider(kafka, self._state, "test")
        self._stopping = Signal()
        self._thread = Thread(target=self._decider.run, args=(self._stopping,))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._decider.close()
        self._state.close()


def send(kafka: Kafka, *commands: Command) -> None:
    async def all_of_them() -> None:
        async with RecordProducer(kafka) as sender:
            await asyncio.gather(*(_send(sender, command) for command in commands))

    asyncio.run(all_of_them())


async def _send(sender: RecordProducer, command: Command) -> None:
    if isinstance(command, OperationCommand):
        topic = OPERATION_COMMANDS
    else:
        topic = CATEGORY_COMMANDS if command.metadata.entity_id == ACME else ASSET_COMMANDS
    await sender.send(topic, command.metadata.entity_id, encode(command))  # type: ignore[arg-type]


def send_at_last(kafka: Kafka, command: Command) -> None:
    """Send until the broker says that it has it, once or twice: it is decided once."""

    def sent() -> bool:
        try:
            send(kafka, command)
        except BrokerUnavailable:
            return False
        return True

    eventually(sent, within_seconds=150)


def told(kafka: Kafka, command_id: str) -> bool:
    """Say whether a command was answered; the broker may just be coming back."""
    try:
        return command_id in outcomes(kafka)
    except (BrokerUnavailable, KafkaException):
        return False


def outcomes(kafka: Kafka) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    with read_from_beginning(kafka, COMMAND_RESULTS) as reader:
        for record in reader.read_to_end():
            outcome = decode(record.value)
            assert isinstance(outcome, Outcome)
            found.setdefault(outcome.command_id, []).append(outcome)
    return found


def events(kafka: Kafka, topic: Topic = ASSET_EVENTS) -> list[tuple[str, int, str]]:
    with read_from_beginning(kafka, topic) as reader:
        found = [decode(record.value) for record in reader.read_to_end()]
    return [
        (event.metadata.entity_id, event.metadata.entity_version, type(event).__name__)
        for event in found
        if isinstance(event, Event)
    ]


def answers(kafka: Kafka, *commands: Command) -> list[Outcome]:
    """Send commands one after the other, and wait for what each is told."""
    told = []
    for command in commands:
        before = len(told_so_far(kafka, command))
        send(kafka, command)
        found = eventually(partial(told_so_far, kafka, command, before), within_seconds=30)
        told.append(found[0])
    return told


def told_so_far(kafka: Kafka, command: Command, skip: int = 0) -> list[Outcome]:
    return outcomes(kafka).get(command.metadata.command_id, [])[skip:]


@pytest.mark.usefixtures("decider")
def test_a_picture_is_submitted_published_and_moved(kafka: Kafka) -> None:
    asset_id = str(uuid4())
    told = answers(
        kafka,
        create_category("cats", about=metadata(ACME, reply_partition=3)),
        create_category("pets", about=metadata(ACME, reply_partition=3)),
        submit(metadata(asset_id, reply_partition=3), "cats"),
        publish(metadata(asset_id, reply_partition=3)),
        set_categories(metadata(asset_id, reply_partition=3), "pets", "cats"),
    )
    assert [type(outcome) for outcome in told] == [CommandAccepted] * 5
    assert [version for _, version, _ in events(kafka)] == [1, 2, 3]
    last = told[-1]
    assert isinstance(last, CommandAccepted)
    assert last.asset is not None
    assert last.asset.version == 3
    assert last.position is not None
    topic, partition, offset = last.position.split(":")
    with read_from_beginning(kafka, ASSET_EVENTS) as reader:
        found = {(r.partition, r.offset): r for r in reader.read_to_end()}
    event = decode(found[int(partition), int(offset)].value)
    assert topic == ASSET_EVENTS.name
    assert isinstance(event, AssetEvent)
    assert event.metadata.entity_version == 3


@pytest.mark.usefixtures("decider")
def test_a_refused_command_leaves_no_trace(kafka: Kafka) -> None:
    (told,) = answers(kafka, submit(metadata(str(uuid4()), reply_partition=0), "nowhere"))
    assert isinstance(told, CommandRefused)
    assert told.problem == "UnknownCategory"
    assert told.members == {"categories": "nowhere"}
    assert events(kafka) == []


def test_a_key_is_answered_alike_again_even_when_all_folded_state_is_lost(
    kafka: Kafka, tmp_path: Path
) -> None:
    asset_id = str(uuid4())
    wish = submit(metadata(asset_id, key="k", fingerprint="f", reply_partition=1), "cats")
    other = submit(
        metadata(asset_id, key="k", fingerprint="g", reply_partition=1), "cats", title="Other"
    )
    category = create_category(
        "cats", about=metadata(ACME, key="c", fingerprint="f", reply_partition=1)
    )
    with running(kafka, tmp_path / "one"):
        created, first, again = answers(kafka, category, wish, wish)
    with running(kafka, tmp_path / "two"):
        created_again, after_loss, refused = answers(kafka, category, wish, other)
    assert first == again == after_loss
    assert created == created_again
    assert isinstance(refused, CommandRefused)
    assert refused.problem == "IdempotencyKeyReused"
    assert len(events(kafka)) == 1
    assert len(events(kafka, CATEGORY_EVENTS)) == 1


@pytest.mark.usefixtures("decider")
def test_what_nobody_can_read_is_parked_and_the_line_goes_on(kafka: Kafka) -> None:
    async def poison() -> None:
        async with RecordProducer(kafka) as sender:
            for value in (b"", b"\x00\x00\x00\xff\xff", b"no frame"):
                await sender.send(ASSET_COMMANDS, ACME, value)

    asyncio.run(poison())
    (told,) = answers(kafka, create_category("cats", about=metadata(ACME, reply_partition=0)))
    assert isinstance(told, CommandAccepted)

    def parked() -> int:
        with read_from_beginning(kafka, COMMANDS_DEAD_LETTERS) as reader:
            return len(list(reader.read_to_end()))

    eventually(lambda: parked() == 3, within_seconds=20)


@pytest.mark.parametrize(
    "failpoint", ["decider.before_commit", "decider.after_commit_before_state"]
)
def test_a_decider_killed_at_its_worst_lines_decides_everything_once(
    kafka: Kafka, tmp_path: Path, failpoint: str
) -> None:
    assets = [str(uuid4()) for _ in range(20)]
    with running(kafka, tmp_path / "before"):
        answers(kafka, create_category("cats", about=metadata(ACME, reply_partition=0)))
    wishes = [submit(metadata(asset, reply_partition=0), "cats") for asset in assets]
    send(kafka, *wishes, *(publish(metadata(asset)) for asset in assets))
    killed = decider_process(kafka, tmp_path, failpoint)
    assert killed.wait(timeout=60) == 137
    with running(kafka, tmp_path / "after"):
        eventually(lambda: len(events(kafka)) >= 40, within_seconds=60)
    expected = Counter((asset, version) for asset in assets for version in (1, 2))
    assert Counter((asset, version) for asset, version, _ in events(kafka)) == expected


def decider_process(kafka: Kafka, directory: Path, failpoint: str) -> subprocess.Popen[bytes]:
    host, _, port = kafka.bootstrap_servers.partition(":")
    return subprocess.Popen(
        [sys.executable, "-m", "command_api.decider"],
        cwd=ROOT,
        env={
            **os.environ,
            "SCALEHOSTER_FAILPOINT": failpoint,
            "SCALEHOSTER_DATA_DIR": str(directory),
            "SCALEHOSTER_KAFKA__HOST": host,
            "SCALEHOSTER_KAFKA__PORT": port,
            "SCALEHOSTER_KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
        },
    )


def test_every_topic_is_made_as_declared(kafka: Kafka) -> None:
    live = kafka.admin().list_topics(timeout=10).topics
    for topic in TOPICS:
        assert len(live[kafka.topic(topic)].partitions) == topic.partitions
