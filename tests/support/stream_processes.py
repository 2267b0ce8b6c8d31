"""The stream processes as they run for real, with topics and folders of their own."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from aiokafka.partitioner import murmur2
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from avro_schemas.codec import Message, decode, encode
from domain.asset.jobs import ImageJob
from domain.values import AssetId
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import IMAGE_JOBS, Topic

ROOT = Path(__file__).parents[2]
KILLED = 137


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamProcesses:
    """Starts processes that are killed at the end of the test, at the latest."""

    kafka: Kafka
    folder: Path
    allowed_origin: str
    stack: ExitStack

    def start(self, module: str, **more: str) -> "subprocess.Popen[bytes]":
        """Run ``python -m module``; its log is ``<module>.log`` in the folder."""
        host, port = self.kafka.bootstrap_servers.split(":")
        environment = os.environ | {
            "SCALEHOSTER_DATA_DIR": str(self.folder),
            "SCALEHOSTER_KAFKA__HOST": host,
            "SCALEHOSTER_KAFKA__PORT": port,
            "SCALEHOSTER_KAFKA__TOPIC_PREFIX": self.kafka.topic_prefix,
            "SCALEHOSTER_FETCH__ALLOWED_ORIGINS": f'["{self.allowed_origin}"]',
            "SCALEHOSTER_FETCH__RETRY_SECONDS": "[0.2, 0.2, 0.2]",
            "SCALEHOSTER_RENDER__PROCESSES": "1",
        }
        log = self.stack.enter_context((self.folder / f"{module}.log").open("ab"))
        process = subprocess.Popen(
            [sys.executable, "-m", module], cwd=ROOT, env=environment | more, stderr=log
        )
        self.stack.callback(end, process, signal.SIGKILL)
        return process

    def send(self, topic: Topic, *records: tuple[str, bytes]) -> None:
        """Append records one after the other."""

        async def one_by_one() -> None:
            async with RecordProducer(self.kafka) as sender:
                for key, value in records:
                    await sender.send(topic, key, value)

        asyncio.run(one_by_one())

    def order(self, *jobs: ImageJob) -> None:
        """Append jobs to the workers' topic."""
        self.send(IMAGE_JOBS, *((job.asset_id, encode(job)) for job in jobs))

    def messages(self, *topics: Topic) -> list[Message]:
        """Read everything that lies in some topics."""
        found = []
        for topic in topics:
            with read_from_beginning(self.kafka, topic) as reader:
                found += [decode(record.value) for record in reader.read_to_end()]
        return found

    def committed(self, group: str, topic: Topic) -> dict[int, int]:
        """Ask up to where a group has committed each partition; -1001 for nowhere."""
        places = [
            TopicPartition(self.kafka.topic(topic), number) for number in range(topic.partitions)
        ]
        asked = ConsumerGroupTopicPartitions(self.kafka.group(group), places)
        admin = self.kafka.admin()  # kept: without its client an answer never comes
        (answer,) = admin.list_consumer_group_offsets([asked]).values()
        return {place.partition: place.offset for place in answer.result().topic_partitions}


def end(process: "subprocess.Popen[bytes]", number: signal.Signals) -> int:
    """Send a signal and give the exit code."""
    process.send_signal(number)
    return process.wait(timeout=25)


def assets_in_partition(number: int, count: int) -> Iterable[AssetId]:
    """Name assets whose records all lie in one partition."""
    names = (f"asset-{index}" for index in range(100 * IMAGE_JOBS.partitions * count))
    found = [name for name in names if partition_of(name) == number]
    return [AssetId(name) for name in found[:count]]


def partition_of(key: str) -> int:
    """Say where Faust's client would put a key."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % IMAGE_JOBS.partitions)
