"""The installation that a log is restored into: its Kafka, and the keyspace of its views."""

import asyncio
from collections.abc import Iterator, Mapping
from itertools import islice

from avro_schemas.codec import decode
from avro_schemas.containers import LoggedRecord
from avro_schemas.errors import Undecodable
from backup.errors import RestoreRefused
from backup.log_sources import EVENT_TOPICS, KafkaLog
from domain.asset.events import AssetEvent
from domain.asset.runs import OpenRuns
from infra.failpoints import pass_by
from infra.kafka.client import Kafka
from infra.kafka.offsets.group_offsets import GroupOffsets
from infra.kafka.offsets.lag import GROUP_TOPICS
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import Topic
from infra.kafka.transactions import TransactionalProducer
from infra.settings import CassandraSettings
from read_models.installation import built_views

_DISPATCHING = "streams.dispatching"
_BEGIN_AT_THE_FIRST_EVENT = ("projections", "streams.purging")
_BATCH = 1_000


class LiveInstallation:
    """Writes in transactions, as the decider does; a second restore fences the first."""

    def __init__(self, kafka: Kafka, cassandra: CassandraSettings) -> None:
        self._kafka = kafka
        self._cassandra = cassandra
        self._log = KafkaLog(kafka)
        self._groups = GroupOffsets(kafka)
        self._writer: TransactionalProducer | None = None

    def require_unused(self) -> None:
        """Raise RestoreRefused when a service runs, or a view was built from another log.

        A decider that runs has folded the log as it was, and would append to what it does not know.
        A checkpoint of another log would have the projections leave events out.
        """
        running = self._groups.in_use(GROUP_TOPICS)
        if running:
            raise RestoreRefused(
                f"services run ({', '.join(running)}): stop them first; 'scalehoster down', then"
                " 'scalehoster up --servers' leaves only Kafka and Cassandra"
            )
        built = built_views(self._cassandra)
        if built:
            raise RestoreRefused(
                f"the keyspace {self._cassandra.keyspace} holds views that were built from another"
                f" log ({', '.join(built)}): drop it ('DROP KEYSPACE {self._cassandra.keyspace}'),"
                " or name another with SCALEHOSTER_CASSANDRA__KEYSPACE"
            )

    def ends(self, topic: Topic) -> Mapping[int, int]:
        """Return the offset after the last committed record of each partition."""
        return self._log.ends(topic)

    def records(self, topic: Topic, partition: int) -> Iterator[LoggedRecord]:
        """Yield the committed records of a partition."""
        end = self._log.ends(topic)[partition]
        return self._log.records(topic, partition, 0, end)

    def append(self, topic: Topic, partition: int, records: Iterator[LoggedRecord]) -> None:
        """Append in transactions of a thousand records."""
        if self._writer is None:
            self._writer = TransactionalProducer(self._kafka, "restore")
        while batch := list(islice(records, _BATCH)):
            self._writer.begin()
            for record in batch:
                self._writer.append(
                    topic,
                    partition,
                    record.key,
                    record.value,
                    headers=record.headers,
                    timestamp_ms=record.timestamp_ms,
                )
            self._writer.flush()
            pass_by("restore.before_commit")
            self._writer.commit_alone()
            pass_by("restore.after_commit")

    def add_keys(self, topic: Topic, records: list[LoggedRecord]) -> int:
        """Send the keys that are missing; a key that is there may be newer, and stays."""
        if not records:
            return 0
        with read_from_beginning(self._kafka, topic) as reader:
            present = {record.key for record in reader.read_to_end()}
        missing = [record for record in records if record.key not in present]

        async def send() -> None:
            async with RecordProducer(self._kafka) as sender:
                for record in missing:
                    await sender.send(topic, record.key.decode(), record.value)

        asyncio.run(send())
        return len(missing)

    def hand_over(self) -> None:
        """Set the offset at which each service that acts on events begins.

        That is the end of the log; for the dispatcher the oldest run that has not ended: runs that
        ended after it are enqueued once more, and their results count no more. Views and purges
        begin at the first event. A group that has committed offsets is left alone.
        """
        for group, topics in GROUP_TOPICS.items():
            if group in _BEGIN_AT_THE_FIRST_EVENT or self._groups.in_use([group]):
                continue
            for topic in EVENT_TOPICS:
                if topic in topics and not self._groups.committed(group, topic):
                    self._groups.set(group, topic, self._begins(group, topic))

    def _begins(self, group: str, topic: Topic) -> dict[int, int]:
        ends = self._log.ends(topic)
        if group != _DISPATCHING:
            return dict(ends)
        return {
            number: first_open_run_offset(self._log.records(topic, number, 0, end), end)
            for number, end in ends.items()
        }


def first_open_run_offset(records: Iterator[LoggedRecord], end: int) -> int:
    """Return the offset of the first event that started a run which has not ended; else ``end``."""
    runs = OpenRuns()
    for record in records:
        try:
            event = decode(record.value)
        except Undecodable:
            continue  # the dispatcher could not read it either
        if isinstance(event, AssetEvent):
            runs.apply(event, (0, record.offset))
    return min((run.event_offset[1] for _, run in runs.items()), default=end)
