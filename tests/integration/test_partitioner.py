"""Faust's client and ours put the same key into the same partition, or nothing fits together."""

import asyncio
from uuid import UUID

from aiokafka.partitioner import DefaultPartitioner

from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import Topic
from tests.support.servers import Servers

KEYS = [str(UUID(int=number * 7919)) for number in range(9_998)] + ["demo", "\u00e4"]
KEYED = Topic(name="keyed", partitions=12, retention_ms=60_000)


def test_both_clients_agree_on_ten_thousand_keys(servers: Servers, topic_prefix: str) -> None:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka, [KEYED])

    async def placed_by_ours() -> list[int]:
        async with RecordProducer(kafka) as sender:
            places = await asyncio.gather(*(sender.send(KEYED, key, b"") for key in KEYS))
        return [place.partition for place in places]

    partitions = list(range(KEYED.partitions))
    placed_by_faust = [DefaultPartitioner()(key.encode(), partitions, partitions) for key in KEYS]

    assert asyncio.run(placed_by_ours()) == placed_by_faust
    assert set(placed_by_faust) == set(partitions)
