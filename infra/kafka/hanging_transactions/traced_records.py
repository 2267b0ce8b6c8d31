"""Traced records: the provenance of records, uncommitted ones included."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.errors import BrokerUnavailable
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import available
from infra.kafka.provenance import Provenance

_TIMEOUT_SECONDS = 20.0
_POLL_SECONDS = 0.2
_BATCH = 1_000

Isolation = Literal["read_committed", "read_uncommitted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedRecord:
    """One record with its provenance."""

    partition: Partition
    offset: int
    timestamp_ms: int
    provenance: Provenance


def traces(
    kafka: Kafka, bounds: Mapping[Partition, tuple[int, int]], isolation: Isolation
) -> Iterator[TracedRecord]:
    """Yield the records that have provenance between the bounds, in order within each partition.

    Raises BrokerUnavailable when nothing more comes although there must be more.
    """
    prefix = kafka.topic_prefix
    left = {each: end for each, (start, end) in bounds.items() if start < end}
    if not left:
        return
    with closing(Consumer({**kafka.reader(), "isolation.level": isolation})) as consumer:
        consumer.assign([TopicPartition(prefix + t, n, bounds[t, n][0]) for t, n in left])
        silent_since = time.monotonic()
        while left:
            messages = available(consumer, _BATCH, _POLL_SECONDS)
            if messages:
                silent_since = time.monotonic()
            elif time.monotonic() - silent_since > _TIMEOUT_SECONDS:
                raise BrokerUnavailable(f"the rest of {min(left)} cannot be read")
            for message in messages:
                partition = (message.topic() or "").removeprefix(prefix), message.partition() or 0
                is_record, next_offset = _place(message)
                end = left.get(partition, -1)
                if next_offset >= end:
                    left.pop(partition, None)
                provenance = Provenance.read(message) if is_record else None
                if provenance is not None and next_offset <= end:
                    yield TracedRecord(
                        partition=partition,
                        offset=next_offset - 1,
                        timestamp_ms=message.timestamp()[1],
                        provenance=provenance,
                    )


def _place(message: Message) -> tuple[bool, int]:
    """Say whether it is a record, and up to which offset the partition has been read with it."""
    error, offset = message.error(), message.offset()
    if error is None:
        return True, (offset or 0) + 1
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own name
        return False, offset or 0
    if error.retriable():
        return False, -1
    raise BrokerUnavailable(f"reading provenance: {error.str()}") from KafkaException(error)
