"""Retained offsets: a group's offsets kept for longer than the broker keeps them."""

import json
import logging
import time
from collections.abc import Collection, Mapping

from confluent_kafka import KafkaException, Producer, TopicCollection

from infra.errors import BrokerUnavailable
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import Partition, read_from_beginning
from infra.kafka.topics import GROUP_OFFSETS

_EVERY_SECONDS = 10.0
_TIMEOUT_SECONDS = 20.0

log = logging.getLogger(__name__)


class RetainedOffsets:
    """Writes a group's offsets into a compacted topic, and reads them when the broker has none.

    A broker forgets the offsets of a group that had no member for a week (offsets.retention.minutes
    is not ours to set). They are written every ten seconds at most, and when partitions are given
    up, so what is read here is at most that far behind. An offset is kept with the id of its topic:
    in one that was made anew it means nothing.
    """

    def __init__(self, kafka: Kafka, group: str) -> None:
        self._kafka = kafka
        self._group = group
        self._producer: Producer | None = None
        self._topic_ids: dict[str, str] = {}
        self._noted: dict[Partition, int] = {}
        self._next_at = 0.0

    def note(self, offsets: Mapping[Partition, int]) -> None:
        """Learn how far the group has come."""
        self._noted |= offsets
        self.write_if_due()

    def write_if_due(self) -> None:
        """Write what was noted, unless that was done just now."""
        if self._noted and time.monotonic() >= self._next_at:
            self.write()

    def write(self) -> None:
        """Write what was noted; while the broker is away that waits, for nobody needs it now."""
        if not self._noted:
            return
        self._next_at = time.monotonic() + _EVERY_SECONDS
        try:
            self._write()
        except (BrokerUnavailable, KafkaException, BufferError) as error:
            log.warning("how far %s has come is not kept: %s", self._group, error)

    def _write(self) -> None:
        if self._producer is None:
            self._producer = Producer(self._kafka.producer())
        failures: list[object] = []

        def on_delivery(error: object, _message: object) -> None:
            if error is not None:
                failures.append(error)

        noted = dict(self._noted)
        for partition, offset in noted.items():
            topic_id = self._topic_id(partition[0])
            value = json.dumps({"topic_id": topic_id, "next_offset": offset}).encode()
            self._producer.produce(
                self._kafka.topic(GROUP_OFFSETS),
                key=self._key(partition),
                value=value,
                on_delivery=on_delivery,
            )
        if self._producer.flush(_TIMEOUT_SECONDS) or failures:
            raise BrokerUnavailable(str([*failures, "time-out"][0]))
        self._noted = {}

    def read(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Give the offsets that were kept of these partitions; raises BrokerUnavailable."""
        wanted = {self._key(partition): partition for partition in partitions}
        found: dict[Partition, int] = {}
        try:
            topic_ids = {topic: self._topic_id(topic) for topic, _ in partitions}
            with read_from_beginning(self._kafka, GROUP_OFFSETS) as reader:
                for record in reader.read_to_end():
                    partition = wanted.get(record.key.decode(errors="replace"))
                    if partition is None:
                        continue
                    topic_id, next_offset = _spelled_out(record.value)
                    if topic_id == topic_ids[partition[0]]:
                        found[partition] = next_offset
        except KafkaException as error:
            raise BrokerUnavailable(f"asking how far {self._group} had come: {error}") from error
        log.warning("the broker forgot how far %s had come; it goes on at %s", self._group, found)
        return found

    def _key(self, partition: Partition) -> str:
        return f"{self._group} {partition[0]} {partition[1]}"

    def _topic_id(self, topic: str) -> str:
        known = self._topic_ids.get(topic)
        if known is None:
            name = self._kafka.topic_prefix + topic
            admin = self._kafka.admin()  # held: what it began ends with it
            asked = admin.describe_topics(TopicCollection([name]), request_timeout=_TIMEOUT_SECONDS)
            known = str(asked[name].result(timeout=_TIMEOUT_SECONDS).topic_id)
            self._topic_ids[topic] = known
        return known


def _spelled_out(value: bytes) -> tuple[str, int]:
    """Read the id of a topic and an offset; of what is neither, nothing."""
    try:
        kept = json.loads(value)
        return str(kept["topic_id"]), int(kept["next_offset"])
    except (ValueError, KeyError, TypeError):
        return "", 0
