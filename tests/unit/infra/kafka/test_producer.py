"""A send that returned is in the log, at the place that it named."""

import asyncio
import os
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError

from infra.errors import BrokerUnavailable, RecordRefused
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import PartitionReader
from infra.kafka.producer import LogPosition, RecordProducer
from infra.kafka.topics import ASSET_COMMANDS, LARGEST_RECORD_BYTES
from tests.support.fakes.mock_broker import MockBroker, mock_broker

_ONE_BATCH_BYTES = 900_000  # two of them are never sent together
KEYS = ("first", "second")


@pytest.fixture
def broker() -> Iterator[MockBroker]:
    with mock_broker() as broker:
        broker.make(ASSET_COMMANDS)
        yield broker


@pytest.fixture
def kafka(broker: MockBroker) -> Kafka:
    return Kafka(bootstrap_servers=broker.bootstrap_servers)


def test_what_was_not_written_is_not_reported_as_delivered(
    broker: MockBroker, kafka: Kafka
) -> None:
    """A new producer sends two batches: the first is refused, the second is taken without it."""
    broker.refuse_one_batch()
    told = asyncio.run(send_all(kafka))
    assert {type(each) for each in told.values()} <= {LogPosition, BrokerUnavailable}
    lies = written(kafka)
    places = {key: each.offset for key, each in told.items() if isinstance(each, LogPosition)}
    assert places.items() <= lies.items()


def test_what_is_too_large_for_a_topic_is_no_outage_and_takes_nothing_along(kafka: Kafka) -> None:
    told = asyncio.run(send_side_by_side(kafka, LARGEST_RECORD_BYTES + 1))
    assert [type(each) for each in told] == [LogPosition, RecordRefused, LogPosition]


def test_the_largest_record_is_written_beside_others(kafka: Kafka) -> None:
    told = asyncio.run(send_side_by_side(kafka, LARGEST_RECORD_BYTES))
    assert [type(each) for each in told] == [LogPosition, LogPosition, LogPosition]


@pytest.mark.parametrize("code", [KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD])
def test_what_the_broker_finds_impossible_is_no_outage(
    broker: MockBroker, kafka: Kafka, code: int
) -> None:
    broker.refuse_one_batch(code)
    told = asyncio.run(send_side_by_side(kafka, 10))
    assert {type(each) for each in told} == {RecordRefused}


async def send_side_by_side(kafka: Kafka, size: int) -> list[LogPosition | BaseException]:
    """Send three records that may share a batch; the one in the middle has this size."""
    key = "k"
    values = (b"small", b"x" * (size - len(key)), b"small")
    async with RecordProducer(kafka) as sender:
        sends = (sender.send(ASSET_COMMANDS, key, value) for value in values)
        return await asyncio.gather(*sends, return_exceptions=True)


async def send_all(kafka: Kafka) -> dict[str, LogPosition | BaseException]:
    async with RecordProducer(kafka) as sender:
        value = os.urandom(_ONE_BATCH_BYTES)
        sends = (sender.send(ASSET_COMMANDS, key, value) for key in KEYS)
        outcomes = await asyncio.gather(*sends, return_exceptions=True)
    return dict(zip(KEYS, outcomes, strict=True))


def written(kafka: Kafka) -> dict[str, int]:
    with PartitionReader(kafka, ASSET_COMMANDS, {0: 0}) as reader:
        return {record.key.decode(): record.offset for record in reader.read_to_end()}
