"""Reading topics as one of a group: every partition has one owner at a time."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from infra.errors import BrokerUnavailable
from infra.kafka import Kafka
from infra.reading import Record, available, is_filler, record_of
from infra.topics import Topic

_TIMEOUT_SECONDS = 10.0

Partition = tuple[str, int]  # our topic name, partition number
StartsOf = Callable[[list[Partition]], Mapping[Partition, int]]


class GroupReader:
    """Shares the partitions of some topics with the other members of its group.

    ``starts_of`` is asked at each assignment where to begin (the checkpoints in the view store);
    what it does not name begins at the group's committed offset, or at 0. ``on_revoked`` is told
    what was taken away, before anybody else gets it; a lost partition is told the same way. Reads
    only committed records. Raises BrokerUnavailable on errors that do not mend themselves.
    """

    def __init__(
        self,
        kafka: Kafka,
        group: str,
        topics: Iterable[Topic],
        *,
        starts_of: StartsOf | None = None,
        on_revoked: Callable[[list[Partition]], None] | None = None,
        max_poll_seconds: int = 60,
    ) -> None:
        self._prefix = kafka.topic_prefix
        self._starts_of = starts_of
        self._on_revoked = on_revoked
        self._positions: dict[Partition, int] = {}
        self._goals: dict[Partition, int] = {}
        self._is_paused = False
        self._consumer = Consumer(kafka.group_reader(group, max_poll_seconds))
        self._consumer.subscribe(
            [kafka.topic(topic) for topic in topics],
            on_assign=self._assigned,
            on_revoke=self._revoked,
            on_lost=self._revoked,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the group at once, so that others take over without waiting."""
        self._consumer.close()

    def poll(self, at_most: int, timeout_seconds: float) -> list[Record]:
        """Read what is there, waiting at most this long for the first record."""
        records = []
        for message in available(self._consumer, at_most, timeout_seconds):
            error = message.error()
            if error is None:
                record = record_of(message, self._prefix)
                self._positions[record.topic, record.partition] = record.offset + 1
                if not is_filler(message):
                    records.append(record)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own name
                topic = (message.topic() or "").removeprefix(self._prefix)
                self._positions[topic, message.partition() or 0] = message.offset() or 0
            elif not error.retriable():
                raise BrokerUnavailable(error.str())
        return records

    def assigned(self) -> list[Partition]:
        """Name the partitions owned now."""
        return [self._ours(tp) for tp in self._consumer.assignment()]

    def position(self, partition: Partition) -> int:
        """Give the next offset of a partition owned now, at its end past control markers too."""
        return self._positions[partition]

    def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """Ask where each partition begins and ends now; raises BrokerUnavailable."""
        try:
            return {
                (topic, number): self._consumer.get_watermark_offsets(
                    TopicPartition(self._prefix + topic, number), timeout=_TIMEOUT_SECONDS
                )
                for topic, number in partitions
            }
        except KafkaException as error:
            raise BrokerUnavailable(f"asking where partitions end: {error}") from error

    def ends(self) -> dict[Partition, int]:
        """Tell where the partitions owned now ended when the broker last mentioned it."""
        ends = {}
        for tp in self._consumer.assignment():
            bounds = self._consumer.get_watermark_offsets(tp, cached=True)
            if bounds is not None and bounds[1] >= 0:
                ends[self._ours(tp)] = bounds[1]
        return ends

    def positions(self) -> dict[Partition, int]:
        """Give the next offset of each partition owned now."""
        return {partition: self._positions[partition] for partition in self.assigned()}

    def has_caught_up(self) -> bool:
        """Tell whether each partition owned now was read to where it ended when it became ours."""
        for partition, end in self.ends().items():
            self._goals.setdefault(partition, end)
        return all(
            partition in self._goals and self._positions[partition] >= self._goals[partition]
            for partition in self.assigned()
        )

    def pause(self) -> None:
        """Bring nothing until ``resume``; polling goes on, to stay in the group."""
        self._is_paused = True
        self._consumer.pause(self._consumer.assignment())

    def resume(self) -> None:
        """Bring records again, from where reading stopped."""
        self._is_paused = False
        self._consumer.resume(self._consumer.assignment())

    def committed(self, partitions: list[Partition]) -> dict[Partition, int]:
        """Ask for the group's next offsets; 0 where none was committed.

        Waits until a transaction of an owner that died has been resolved. Raises BrokerUnavailable.
        """
        try:
            found = self._consumer.committed(
                [TopicPartition(self._prefix + topic, number) for topic, number in partitions],
                timeout=_TIMEOUT_SECONDS,
            )
        except KafkaException as error:
            raise BrokerUnavailable(f"asking for committed offsets: {error}") from error
        return {self._ours(tp): max(tp.offset, 0) for tp in found}

    def rewind(self, at_least: Mapping[Partition, int] = MappingProxyType({})) -> None:
        """Go back to the group's committed offsets, or to these where they are further.

        Partitions are assigned anew: one that came while its offset could not be told cannot be
        sought in. Raises BrokerUnavailable.
        """
        assigned = self.assigned()
        if not assigned:
            return
        starts = self.committed(assigned)
        places = [
            TopicPartition(
                self._prefix + topic, number, max(offset, at_least.get((topic, number), 0))
            )
            for (topic, number), offset in starts.items()
        ]
        try:
            self._consumer.incremental_unassign(places)
            self._consumer.incremental_assign(places)
        except KafkaException as error:
            raise BrokerUnavailable(f"going back to {starts}: {error}") from error
        self._positions |= {self._ours(tp): tp.offset for tp in places}

    def membership(self) -> object:
        """Give the proof of membership that fences a transaction of a former owner."""
        return self._consumer.consumer_group_metadata()

    def seek(self, partition: Partition, offset: int) -> None:
        """Read a partition again from this offset."""
        try:
            self._consumer.seek(TopicPartition(self._prefix + partition[0], partition[1], offset))
            self._positions[partition] = offset
        except KafkaException as error:
            raise BrokerUnavailable(f"seeking {partition}: {error}") from error

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Tell the group the next offset of each partition; raises BrokerUnavailable."""
        try:
            self._consumer.commit(
                offsets=[
                    TopicPartition(self._prefix + topic, partition, offset)
                    for (topic, partition), offset in offsets.items()
                ],
                asynchronous=False,
            )
        except KafkaException as error:
            raise BrokerUnavailable(f"committing offsets: {error}") from error

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        del consumer  # ours
        starts = self.committed([self._ours(tp) for tp in partitions])
        if self._starts_of:
            starts |= self._starts_of(list(starts))
        self._positions |= starts
        places = [
            TopicPartition(self._prefix + topic, partition, offset)
            for (topic, partition), offset in starts.items()
        ]
        self._consumer.incremental_assign(places)
        if self._is_paused:
            self._consumer.pause(places)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._on_revoked:
            self._on_revoked([self._ours(tp) for tp in partitions])
        for tp in partitions:
            self._goals.pop(self._ours(tp), None)
        consumer.incremental_unassign(partitions)

    def _ours(self, tp: TopicPartition) -> Partition:
        return tp.topic.removeprefix(self._prefix), tp.partition
