"""A broker takes any first sequence of a producer that it does not know (ADR 65)."""

import asyncio

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import PartitionReader
from infra.kafka.topics import ASSET_COMMANDS
from tests.support.servers import Servers

UNKNOWN = 987_654_321
NOT_LEADER = 6
OUT_OF_ORDER = 45
PARTITION = 5


@pytest.fixture
def kafka(servers: Servers, topic_prefix: str) -> Kafka:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka)
    return kafka


def test_a_second_batch_is_taken_where_the_first_never_came_and_not_behind_it(
    kafka: Kafka,
) -> None:
    """That is why the success of a later batch does not prove an earlier one."""
    errors = asyncio.run(append(kafka, {b"second": 1, b"first": 0}))
    assert errors == {b"second": 0, b"first": OUT_OF_ORDER}
    with PartitionReader(kafka, ASSET_COMMANDS, {PARTITION: 0}) as reader:
        assert [record.key for record in reader.read_to_end()] == [b"second"]


async def append(kafka: Kafka, sequences: dict[bytes, int]) -> dict[bytes, int]:
    """Append batches of one record, each with its sequence; give the broker's error codes."""
    client = AIOKafkaClient(bootstrap_servers=kafka.bootstrap_servers)
    await client.bootstrap()
    try:
        topic = kafka.topic(ASSET_COMMANDS)
        await client.set_topics([topic])
        (leader,) = [broker.nodeId for broker in client.cluster.brokers()]
        errors: dict[bytes, int] = {}
        for key, sequence in sequences.items():
            batch = DefaultRecordBatchBuilder(2, 0, 0, UNKNOWN, 0, sequence, 1_000)
            batch.append(0, None, key, b"", [])
            request = ProduceRequest(
                None, -1, 10_000, [(topic, [(PARTITION, bytes(batch.build()))])]
            )
            errors[key] = NOT_LEADER  # it says that it leads a moment before it does
            while errors[key] == NOT_LEADER:
                answer = await client.send(leader, request)
                ((_, ((_, errors[key], *_),)),) = answer.topics
    finally:
        await client.close()
    return errors
