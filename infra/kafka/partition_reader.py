"""A reader of chosen partitions from chosen offsets, without a group."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.errors import BrokerUnavailable
from infra.kafka.client import Kafka
from infra.kafka.provenance import Provenance
from infra.kafka.topics import Topic

_TIMEOUT_SECONDS = 10.0
_POLL_SECONDS = 0.2
_PAUSE_SECONDS = 0.1
_BATCH = 1_000

Partition = tuple[str, int]  # our topic name, partition number


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record as it lies in a topic; ``topic`` is our name for it, without the prefix."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    timestamp_ms: int
    headers: tuple[tuple[str, bytes], ...] = ()


def record_of(message: Message, prefix: str) -> Record:
    """Take over what the client library read."""
    return Record(
        topic=(message.topic() or "").removeprefix(prefix),
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        timestamp_ms=message.timestamp()[1],
        headers=_headers(message),
    )


def available(consumer: Consumer, at_most: int, timeout_seconds: float) -> list[Message]:
    """Take what is there, waiting at most this long for the first message.

    ``consume`` alone waits the whole time unless it gets all it may take: 0.2 s at each answer.
    """
    first = consumer.poll(timeout_seconds)
    if first is None:
        return []
    return [first, *consumer.consume(at_most - 1, 0)] if at_most > 1 else [first]


def is_end_marker(message: Message) -> bool:
    """Return True for an end marker: a record with provenance and no value."""
    return message.value() is None and Provenance.read(message) is not None


class RecordReader(Protocol):
    """Reads some partitions from given offsets; PartitionReader is one."""

    def poll(self) -> list[Record]:
        """Read records, waiting a moment for the first one; raises BrokerUnavailable."""

    def position(self, partition: int) -> int:
        """Return the next offset of a partition that will be read."""


class PartitionReader:
    """Follows some partitions of one topic from given offsets, in order within each.

    Only committed records are seen. ``position(p)`` is the next offset to read; at the end of a
    partition it stands past control markers too. Raises BrokerUnavailable when the broker does not
    answer, or when an offset asked for is no longer there. Close it, or use it as a context.
    """

    def __init__(self, kafka: Kafka, topic: Topic, starts: Mapping[int, int]) -> None:
        self._prefix = kafka.topic_prefix
        self._topic = kafka.topic(topic)
        self._positions = dict(starts)
        self._pending_error: KafkaError | None = None
        self._consumer = Consumer(kafka.reader())
        self._consumer.assign(
            [TopicPartition(self._topic, partition, at) for partition, at in starts.items()]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def position(self, partition: int) -> int:
        """Return the next offset of a partition that this reader will read."""
        return self._positions[partition]

    def poll(
        self, timeout_seconds: float = _POLL_SECONDS, *, at_most: int = _BATCH
    ) -> list[Record]:
        """Read what is there, waiting at most this long for the first record.

        An error beside records is raised by the next call: they were handed over by then.
        """
        self._raise_pending_error()
        records = []
        for message in available(self._consumer, at_most, timeout_seconds):
            partition, offset = message.partition(), message.offset()
            error = message.error()
            if error is None and partition is not None and offset is not None:
                self._positions[partition] = offset + 1
                if not is_end_marker(message):
                    records.append(record_of(message, self._prefix))
            elif error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own name
                if partition is not None and offset is not None:
                    self._positions[partition] = max(self._positions[partition], offset)
            elif error is not None and not error.retriable():
                self._pending_error = error
        if not records:
            self._raise_pending_error()
        return records

    def ends(self) -> dict[int, int]:
        """Ask where each partition ends now: the offset after the last committed record."""
        return {partition: self._end(partition) for partition in self._positions}

    def read_to_end(self) -> Iterator[Record]:
        """Yield every record up to the ends as they are now, then stop."""
        ends = self.ends()
        while any(self._positions[partition] < end for partition, end in ends.items()):
            yield from self.poll()

    def _raise_pending_error(self) -> None:
        trouble, self._pending_error = self._pending_error, None
        if trouble is not None:
            raise BrokerUnavailable(f"reading {self._topic}: {trouble.str()}")

    def _end(self, partition: int) -> int:
        place = TopicPartition(self._topic, partition)
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while True:
            try:
                _, end = self._consumer.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)
            except KafkaException as error:  # leaders move, and new topics have none yet
                if time.monotonic() > deadline:
                    raise BrokerUnavailable(f"asking where {place} ends: {error}") from error
                time.sleep(_PAUSE_SECONDS)
            else:
                return end


def read_from_beginning(kafka: Kafka, topic: Topic) -> PartitionReader:
    """Open a reader at the very beginning of every partition of a topic."""
    metadata = kafka.admin().list_topics(kafka.topic(topic), timeout=_TIMEOUT_SECONDS)
    partitions = metadata.topics[kafka.topic(topic)].partitions
    return PartitionReader(kafka, topic, dict.fromkeys(partitions, 0))


def _headers(message: Message) -> tuple[tuple[str, bytes], ...]:
    found = message.headers()
    return tuple((name, _bytes(value)) for name, value in found) if isinstance(found, list) else ()


def _bytes(value: bytes | str | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
