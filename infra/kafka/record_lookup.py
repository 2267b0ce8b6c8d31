"""Lookup of single records of a topic by partition and offset."""

import time
from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from infra.errors import BrokerUnavailable
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import Record, available, record_of
from infra.kafka.topics import Topic

_TIMEOUT_SECONDS = 20.0
_POLL_SECONDS = 0.2
_BATCH = 500
_NEAR = 200  # offsets that are sooner read over than jumped over

PartitionOffset = tuple[int, int]  # partition, offset


class RecordLookup:
    """Fetches records by partition and offset; keeps its connection, and nothing else.

    Raises BrokerUnavailable when the broker does not give all of them in time, and when one is
    there no more. Close it, or use it as a context; one thread at a time.
    """

    def __init__(self, kafka: Kafka, topic: Topic) -> None:
        self._prefix = kafka.topic_prefix
        self._topic = kafka.topic(topic)
        few: dict[str, str | int | float | bool] = {
            "queued.min.messages": 1_000,
            "fetch.message.max.bytes": 256_000,
        }
        self._consumer = Consumer(kafka.reader() | few)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def read(self, places: Iterable[PartitionOffset]) -> dict[PartitionOffset, Record]:
        """Fetch the records at these places."""
        wanted: dict[int, deque[int]] = defaultdict(deque)
        for partition, offset in sorted(set(places)):
            wanted[partition].append(offset)
        if not wanted:
            return {}
        try:
            self._consumer.assign([self._place(number, few[0]) for number, few in wanted.items()])
            return self._read(wanted)
        except KafkaException as error:
            raise BrokerUnavailable(f"reading {self._topic} again: {error}") from error
        finally:
            self._consumer.unassign()

    def _read(self, wanted: dict[int, deque[int]]) -> dict[PartitionOffset, Record]:
        found: dict[PartitionOffset, Record] = {}
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while wanted:
            for message in available(self._consumer, _BATCH, _POLL_SECONDS):
                error = message.error()
                if error is None:
                    self._take(record_of(message, self._prefix), wanted, found)
                elif error.code() != KafkaError._PARTITION_EOF and not error.retriable():  # noqa: SLF001 - librdkafka's own name
                    raise KafkaException(error)
            if time.monotonic() > deadline:
                left = sum(map(len, wanted.values()))
                raise BrokerUnavailable(f"{left} records of {self._topic} were not given")
        return found

    def _take(
        self, record: Record, wanted: dict[int, deque[int]], found: dict[PartitionOffset, Record]
    ) -> None:
        offsets = wanted.get(record.partition)
        if not offsets or offsets[0] != record.offset:
            return
        found[record.partition, offsets.popleft()] = record
        if not offsets:
            del wanted[record.partition]
        elif offsets[0] > record.offset + _NEAR:
            self._consumer.seek(self._place(record.partition, offsets[0]))

    def _place(self, partition: int, offset: int) -> TopicPartition:
        return TopicPartition(self._topic, partition, offset)
