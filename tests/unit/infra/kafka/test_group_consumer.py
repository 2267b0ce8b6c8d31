"""Where a group begins in a log whose head is gone, after the broker forgot the group's offsets."""

from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from infra.errors import LogIncomplete
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import GroupConsumer
from infra.kafka.offsets.start_offsets import start_offset
from infra.kafka.partition_reader import Record
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS, Topic
from tests.support.eventually import eventually
from tests.support.fakes.mock_broker import MockBroker, mock_broker

_LARGE_BYTES = 90_000  # the mock keeps five million of a partition


@pytest.fixture
def broker() -> Iterator[MockBroker]:
    with mock_broker() as broker:
        yield broker


def write(kafka: Kafka, topic: Topic, count: int) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 0})
    for number in range(count):
        value = b"%d" % number + b"x" * _LARGE_BYTES
        producer.produce(topic.name, value=value, partition=0)
        producer.flush(5)


def poll_for_ever(reader: GroupConsumer) -> None:
    while not reader.poll(500, 0.1):
        pass


def first_records(reader: GroupConsumer) -> list[Record]:
    found = eventually(lambda: reader.poll(500, 0.1))
    return list(found)


def test_a_forgotten_group_begins_where_the_log_begins(broker: MockBroker) -> None:
    broker.make(ASSET_COMMANDS)
    kafka = Kafka(bootstrap_servers=broker.bootstrap_servers)
    write(kafka, ASSET_COMMANDS, 80)
    with GroupConsumer(kafka, "group", [ASSET_COMMANDS]) as reader:
        records = first_records(reader)
        (first, end) = reader.bounds([(ASSET_COMMANDS.name, 0)])[ASSET_COMMANDS.name, 0]
        assert 0 < first == records[0].offset
        assert end == 80
        reader.rewind()
        assert first_records(reader)[0].offset == first


def test_a_log_that_is_kept_for_ever_is_not_begun_in_its_middle(broker: MockBroker) -> None:
    broker.make(ASSET_EVENTS)
    kafka = Kafka(bootstrap_servers=broker.bootstrap_servers)
    write(kafka, ASSET_EVENTS, 80)
    reader = GroupConsumer(kafka, "group", [ASSET_EVENTS])
    with pytest.raises(LogIncomplete, match=r"asset-events 0 has [1-9]"):
        poll_for_ever(reader)
    reader.close()


def test_a_member_whose_place_was_forgotten_meanwhile_goes_on(broker: MockBroker) -> None:
    broker.make(ASSET_COMMANDS)
    kafka = Kafka(bootstrap_servers=broker.bootstrap_servers)
    write(kafka, ASSET_COMMANDS, 1)
    with GroupConsumer(kafka, "group", [ASSET_COMMANDS]) as reader:
        assert first_records(reader)[0].offset == 0
        reader.pause()
        write(kafka, ASSET_COMMANDS, 150)
        reader.seek((ASSET_COMMANDS.name, 0), 1)
        reader.resume()
        assert first_records(reader)[0].offset > 1


@pytest.mark.parametrize(
    ("wanted", "begins_at"),
    [(None, 10), (3, 10), (10, 10), (15, 15), (20, 20), (25, 20)],
)
def test_what_a_topic_has_forgotten_is_passed_over(wanted: int | None, begins_at: int) -> None:
    assert start_offset("group", ASSET_COMMANDS, 0, wanted, (10, 20)) == begins_at


@pytest.mark.parametrize(("wanted", "bounds"), [(None, (1, 20)), (15, (1, 20)), (21, (0, 20))])
def test_what_is_kept_for_ever_must_be_whole(wanted: int | None, bounds: tuple[int, int]) -> None:
    with pytest.raises(LogIncomplete):
        start_offset("group", ASSET_EVENTS, 0, wanted, bounds)
