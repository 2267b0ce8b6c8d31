"""Both Kafka clients place a key on the same partition: per-asset order rests on it."""

import asyncio
from random import Random
from uuid import UUID

from aiokafka.partitioner import DefaultPartitioner

from infra.kafka import Kafka
from infra.sending import Sender
from infra.topic_admin import apply_topics
from infra.topics import IMAGE_JOBS
from tests.servers import Servers

KEYS = 10_000


def test_ten_thousand_keys_lie_where_fausts_client_would_put_them(
    servers: Servers, topic_prefix: str
) -> None:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka, (IMAGE_JOBS,))
    random = Random(1)
    keys = [str(UUID(int=random.getrandbits(128), version=4)) for _ in range(KEYS)]

    async def placed() -> list[int]:
        async with Sender(kafka) as sender:
            sent = await asyncio.gather(*(sender.send(IMAGE_JOBS, key, b"") for key in keys))
        return [position.partition for position in sent]

    partitions = list(range(IMAGE_JOBS.partitions))
    theirs = [DefaultPartitioner()(key.encode(), partitions, partitions) for key in keys]
    assert asyncio.run(placed()) == theirs
    assert set(theirs) == set(partitions)
