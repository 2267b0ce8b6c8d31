"""Log bounds: the first offset and the end of each partition, asked of the broker."""

import asyncio
import time
from collections.abc import Collection, Iterable
from datetime import datetime

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from infra.errors import BrokerUnavailable
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import Partition
from infra.kafka.topics import Topic

_TIMEOUT_SECONDS = 10.0
_PAUSE_SECONDS = 0.1
_EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call] # ships without
_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call] # as above


class LogBounds:
    """Asks where partitions begin and end; raises BrokerUnavailable.

    An end is the offset after the last committed record or control marker.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._prefix = kafka.topic_prefix
        self._admin = kafka.admin()

    def of(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """Give the first offset and the end of each."""
        wanted = list(partitions)
        if not wanted:
            return {}
        firsts, ends = self._ask(wanted, _EARLIEST), self._ask(wanted, _LATEST)
        return {partition: (firsts[partition], ends[partition]) for partition in wanted}

    def firsts(self, topics: Collection[Topic]) -> dict[Partition, int]:
        """Give the first offset of every partition of these topics."""
        wanted = [(topic.name, number) for topic in topics for number in range(topic.partitions)]
        return self._ask(wanted, _EARLIEST) if wanted else {}

    def ends(self, topic: Topic) -> dict[int, int]:
        """Give the end of every partition of a topic."""
        wanted = [(topic.name, number) for number in range(topic.partitions)]
        return {number: end for (_, number), end in self._ask(wanted, _LATEST).items()}

    def at(self, topic: Topic, moment: datetime) -> dict[int, int]:
        """Give the first offset of every partition that was appended at this moment or later.

        Where there is none it is the end.
        """
        wanted = [(topic.name, number) for number in range(topic.partitions)]
        ends = self._ask(wanted, _LATEST)
        spec: OffsetSpec = OffsetSpec.for_timestamp(int(moment.timestamp() * 1_000))
        found = self._ask(wanted, spec)
        return {
            number: found[name, number] if found[name, number] >= 0 else ends[name, number]
            for name, number in wanted
        }

    def stable(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Give the end of each partition; it stands still while a transaction is open."""
        return self._ask(partitions, _LATEST)

    def last(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Give the offset after the last record of each, be it committed or not."""
        return self._ask(partitions, _LATEST, IsolationLevel.READ_UNCOMMITTED)

    async def written(self, topic: Topic) -> dict[int, int]:
        """Give the same of every partition of a topic, without holding up the loop."""
        wanted = [(topic.name, number) for number in range(topic.partitions)]
        found = await asyncio.to_thread(self.last, wanted)
        return {number: end for (_, number), end in found.items()}

    def since(self, partitions: Collection[Partition], timestamp_ms: int) -> dict[Partition, int]:
        """Give the first offset of this time or later, for the partitions that have one."""
        spec = OffsetSpec.for_timestamp(timestamp_ms)
        return {each: at for each, at in self._ask(partitions, spec).items() if at >= 0}

    def _ask(
        self,
        partitions: Collection[Partition],
        what: OffsetSpec,
        isolation: IsolationLevel = IsolationLevel.READ_COMMITTED,
    ) -> dict[Partition, int]:
        places = {
            TopicPartition(self._prefix + topic, number): (topic, number)
            for topic, number in partitions
        }
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while True:
            try:
                asked = self._admin.list_offsets(
                    dict.fromkeys(places, what),
                    isolation_level=isolation,
                    request_timeout=_TIMEOUT_SECONDS,
                )
                return {
                    places[place]: done.result(timeout=_TIMEOUT_SECONDS).offset
                    for place, done in asked.items()
                }
            except (KafkaException, TimeoutError) as error:  # leaders move; new topics have none
                if time.monotonic() > deadline:
                    raise BrokerUnavailable(f"asking where partitions end: {error}") from error
                time.sleep(_PAUSE_SECONDS)
                # One from before a broker's restart may name a leader's old epoch for ever.
                self._admin = self._kafka.admin()
