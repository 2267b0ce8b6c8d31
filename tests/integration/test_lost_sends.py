"""What a sender reports as delivered is in the topic, however often Kafka is killed."""

import asyncio
import logging
import os
import random
import time
from array import array
from contextlib import closing
from threading import Event, Thread
from typing import Final, Literal

import pytest
from confluent_kafka import Consumer, TopicPartition

from infra.errors import BrokerUnavailable, Overloaded
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.partition_reader import available
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import ASSET_COMMANDS
from infra.local_cluster.kafka_server import KafkaServer
from tests.support.mutants import SOAK

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3_000),
    pytest.mark.skipif(
        SOAK == 1, reason="kills a Kafka of its own many times: SCALEHOSTER_TEST_SOAK=2"
    ),
]

KILLS: Final = 3 * SOAK
OLD_SENDERS: Final = 4
NEW_SENDERS: Final = 8
PAUSE_SECONDS: Final = 0.006
FILLING: Final = "." * 300
NOT_DELIVERED: Final = -1
Place = tuple[int, int]

log = logging.getLogger(__name__)


class Sending(Thread):
    """Sends numbered messages to one partition, and notes where each is said to lie.

    A new sender is the one in danger: the broker knows nothing of its producer in that partition.
    """

    def __init__(self, kafka: Kafka, name: str) -> None:
        super().__init__(name=name)
        self._kafka = kafka
        self.stopping = Event()
        self.places = array("q")

    def run(self) -> None:
        asyncio.run(self._send())

    async def _send(self) -> None:
        async with RecordProducer(self._kafka) as sender, asyncio.TaskGroup() as group:
            while not self.stopping.is_set():
                group.create_task(self._send_one(sender, len(self.places)))
                self.places.append(NOT_DELIVERED)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _send_one(self, sender: RecordProducer, number: int) -> None:
        value = f"{self.name} {number} {FILLING}".encode()
        try:
            position = await sender.send(ASSET_COMMANDS, self.name, value)
        except (BrokerUnavailable, Overloaded):
            return
        self.places[number] = position.partition << 40 | position.offset


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("SCALEHOSTER_TEST_SEED", time.time_ns()))
    log.warning("SCALEHOSTER_TEST_SEED=%d", seed)
    return random.Random(seed)


def test_what_was_delivered_is_there_however_often_kafka_is_killed(
    kafka_to_kill: KafkaServer, chance: random.Random
) -> None:
    kafka = Kafka(bootstrap_servers=kafka_to_kill.address)
    apply_topics(kafka)
    senders = [begun(kafka, f"old-{number}") for number in range(OLD_SENDERS)]
    never = Event()
    for kill in range(KILLS):
        never.wait(chance.uniform(1, 8))
        kafka_to_kill.kill()
        for sender in senders[OLD_SENDERS:]:
            sender.stopping.set()
        never.wait(chance.choice([0, 0, chance.uniform(0, 22)]))
        if chance.random() < 0.2:
            kafka_to_kill.launch()
            never.wait(chance.uniform(1, 8))
            kafka_to_kill.kill()
        kafka_to_kill.launch()
        never.wait(chance.uniform(0, 3))
        senders += [begun(kafka, f"new-{kill}-{number}") for number in range(NEW_SENDERS)]
        kafka_to_kill.wait_until_ready()
        log.warning("killed %d times", kill + 1)
    for sender in senders:
        sender.stopping.set()
    for sender in senders:
        sender.join()

    seen, all_there = found(kafka, "read_committed"), found(kafka, "read_uncommitted")
    assert seen == all_there
    sent = sum(len(sender.places) for sender in senders)
    delivered = {
        (sender.name, number): (place >> 40, place & (1 << 40) - 1)
        for sender in senders
        for number, place in enumerate(sender.places)
        if place != NOT_DELIVERED
    }
    lost = {each: place for each, place in delivered.items() if each not in seen}
    elsewhere = {
        each: (place, seen[each])
        for each, place in delivered.items()
        if each in seen and place not in seen[each]
    }
    twice = sum(len(places) > 1 for places in seen.values())
    log.warning("%d sent, %d delivered, %d of them twice", sent, len(delivered), twice)
    assert lost == {}
    assert elsewhere == {}


def begun(kafka: Kafka, name: str) -> Sending:
    sending = Sending(kafka, name)
    sending.start()
    return sending


def found(
    kafka: Kafka, isolation: Literal["read_committed", "read_uncommitted"]
) -> dict[tuple[str, int], list[Place]]:
    """Read all that lies in the topic: of which sender, which number, and where."""
    partitions = [(ASSET_COMMANDS.name, number) for number in range(ASSET_COMMANDS.partitions)]
    ends = {number: end for (_, number), end in LogBounds(kafka).last(partitions).items() if end}
    seen: dict[tuple[str, int], list[Place]] = {}
    with closing(Consumer({**kafka.reader(), "isolation.level": isolation})) as consumer:
        consumer.assign([TopicPartition(ASSET_COMMANDS.name, number, 0) for number in ends])
        while ends:
            for message in available(consumer, 1_000, 1.0):
                partition, offset = message.partition() or 0, message.offset() or 0
                if message.error():
                    continue
                name, number, _ = (message.value() or b"").decode().split(" ")
                assert (message.key() or b"").decode() == name
                seen.setdefault((name, int(number)), []).append((partition, offset))
                if offset + 1 >= ends.get(partition, -1):
                    ends.pop(partition, None)
    return seen
