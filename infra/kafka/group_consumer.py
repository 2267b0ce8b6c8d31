"""A member of a consumer group: every partition has one owner at a time."""

import logging
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.errors import BrokerUnavailable
from infra.kafka.client import Kafka
from infra.kafka.offsets.retained_offsets import RetainedOffsets
from infra.kafka.offsets.start_offsets import StartOffsets, StartsOf
from infra.kafka.partition_reader import Partition, Record, is_end_marker, record_of
from infra.kafka.topics import Topic

__all__ = ["GroupConsumer", "Partition", "StartsOf"]

log = logging.getLogger(__name__)


class GroupConsumer:
    """Shares the partitions of some topics with the other members of its group.

    ``start_offsets_of`` is asked at each assignment where to begin (the checkpoints in the view
    store); what it does not name begins at the group's committed offset, which ``keeps_offsets``
    keeps for longer than the broker does, or where the log begins. ``on_revoked`` is told what was
    taken away, before anybody else gets it; a lost partition is told the same way. Reads only
    committed records.

    No record is passed over: what comes beside an error is handed over before the error is raised,
    what comes beside a revocation is handed over to the next owner alone, and nothing is committed
    of partitions that are not ours any more. What a log has forgotten since is passed over loudly,
    and in a log that is kept for ever it is LogIncomplete. Raises BrokerUnavailable on errors that
    do not mend themselves.
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
        keeps_offsets: bool = False,
    ) -> None:
        ours = {topic.name: topic for topic in topics}
        self._prefix = kafka.topic_prefix
        self._kept = RetainedOffsets(kafka, group) if keeps_offsets else None
        self._owned: set[Partition] = set()
        self._without_position: dict[Partition, int | None] = {}  # where to go on, if that is known
        self._revoked_since_poll: set[Partition] = set()
        self._pending_error: Exception | None = None
        self._starts_of = starts_of
        self._on_revoked = on_revoked
        self._positions: dict[Partition, int] = {}
        self._goals: dict[Partition, int] = {}
        self._is_paused = False
        self._consumer = Consumer(kafka.group_reader(group, max_poll_seconds))
        self._starts = StartOffsets(self._consumer, self._prefix, group, ours, self._kept)
        self._consumer.subscribe(
            [kafka.topic(topic) for topic in ours.values()],
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
        if self._kept:
            self._kept.write()
        self._consumer.close()

    def poll(self, at_most: int, timeout_seconds: float) -> list[Record]:
        """Read what is there, waiting at most this long for the first record."""
        self._raise_pending_error()
        if self._kept:
            self._kept.write_if_due()
        if self._without_position:
            self._place()
        records = [
            record
            for message in self._messages(at_most, timeout_seconds)
            if (record := self._take(message)) is not None
        ]
        if not records:
            self._raise_pending_error()
        return records

    def _messages(self, at_most: int, timeout_seconds: float) -> list[Message]:
        """Take what is there; ``consume`` alone would wait for all that it may take.

        Partitions may be revoked within either call. What ``consume`` brings is none of a revoked
        partition, but what was read just before may be.
        """
        first = self._consumer.poll(timeout_seconds)
        self._revoked_since_poll.clear()
        if first is None or at_most == 1:
            return [] if first is None else [first]
        try:
            rest = self._consumer.consume(at_most - 1, 0)
        except KafkaException as error:
            self._pending_error = BrokerUnavailable(f"reading: {error}")
            rest = []
        return rest if self._place_of(first) in self._revoked_since_poll else [first, *rest]

    def _take(self, message: Message) -> Record | None:
        partition, error = self._place_of(message), message.error()
        if error is None and partition in self._owned:
            record = record_of(message, self._prefix)
            self._positions[partition] = record.offset + 1
            return None if is_end_marker(message) else record
        if error is None:
            return None  # it comes to whoever owns the partition now
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own name
            self._positions[partition] = message.offset() or 0
        elif error.code() == KafkaError._AUTO_OFFSET_RESET and partition in self._owned:  # noqa: SLF001 - as above
            self._reset_position(partition)
        elif not error.retriable():
            self._pending_error = BrokerUnavailable(error.str())
        return None

    def _raise_pending_error(self) -> None:
        trouble, self._pending_error = self._pending_error, None
        if trouble is not None:
            raise trouble

    def assigned(self) -> list[Partition]:
        """Name the partitions owned now, of which it is known where to read."""
        return sorted(self._owned)

    def position(self, partition: Partition) -> int:
        """Give the next offset of a partition owned now, at its end past control markers too."""
        return self._positions[partition]

    def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """Ask where each partition begins and ends now; raises BrokerUnavailable."""
        return self._starts.bounds(partitions)

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
        return {each: at or 0 for each, at in self._starts.committed(partitions).items()}

    def rewind(self, at_least: Mapping[Partition, int] = MappingProxyType({})) -> None:
        """Go back to the group's committed offsets, or to these where they are further.

        Partitions are assigned anew: one that came while its offset could not be told cannot be
        sought in. Raises BrokerUnavailable.
        """
        self._pending_error = None
        assigned = self.assigned()
        if not assigned:
            return
        starts = self._starts.of(dict.fromkeys(assigned), at_least=at_least)
        places = self._places(starts)
        try:
            self._consumer.incremental_unassign(places)
            self._consumer.incremental_assign(places)
        except KafkaException as error:
            raise BrokerUnavailable(f"going back to {starts}: {error}") from error
        self._positions |= starts

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
        """Tell the group the next offset of each partition; raises BrokerUnavailable.

        What is not ours any more is left out: its owner begins where we were before.
        """
        ours = {each: offset for each, offset in offsets.items() if each in self._owned}
        if not ours:
            return
        try:
            self._consumer.commit(offsets=self._places(ours), asynchronous=False)
        except KafkaException as error:
            raise BrokerUnavailable(f"committing offsets: {error}") from error
        if self._kept:
            self._kept.note(ours)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Begin to read; what is raised in here would take records along that were just read."""
        self._without_position |= {self._ours(tp): None for tp in partitions}
        try:
            self._place()
        except Exception as error:  # noqa: BLE001 - raised by the next call, unless that mends it
            log.warning("where to begin is not known yet: %s", error)
            consumer.incremental_assign([])  # they come to us, and bring nothing until then

    def _place(self) -> None:
        """Begin to read the partitions that came; raises what ``start_offsets_of`` does."""
        starts = self._starts.of(self._without_position, starts_of=self._starts_of)
        places = self._places(starts)
        try:
            self._consumer.incremental_assign(places)
            if self._is_paused:
                self._consumer.pause(places)
        except KafkaException as error:
            raise BrokerUnavailable(f"beginning at {starts}: {error}") from error
        self._positions |= starts
        self._owned |= starts.keys()
        self._without_position.clear()

    def _reset_position(self, partition: Partition) -> None:
        """Find a new place in a log that forgot the next record: it was not read for too long."""
        self._consumer.incremental_unassign(self._places({partition: 0}))
        self._owned.discard(partition)
        self._without_position[partition] = self._positions[partition]

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        ours = [self._ours(tp) for tp in partitions]
        self._revoked_since_poll |= set(ours)
        try:
            if self._on_revoked:
                self._on_revoked(ours)
            if self._kept:
                self._kept.write()
        except Exception as error:  # noqa: BLE001 - raised by the next call
            self._pending_error = error
        for each in ours:
            self._goals.pop(each, None)
            self._without_position.pop(each, None)
        placed = self._owned.intersection(ours)
        self._owned -= placed
        consumer.incremental_unassign(self._places(dict.fromkeys(placed, 0)))

    def _places(self, offsets: Mapping[Partition, int]) -> list[TopicPartition]:
        return [
            TopicPartition(self._prefix + topic, number, offset)
            for (topic, number), offset in offsets.items()
        ]

    def _place_of(self, message: Message) -> Partition:
        return (message.topic() or "").removeprefix(self._prefix), message.partition() or 0

    def _ours(self, tp: TopicPartition) -> Partition:
        return tp.topic.removeprefix(self._prefix), tp.partition


def next_offsets(records: Iterable[Record]) -> dict[Partition, int]:
    """Say which offset follows the last of these records in each partition."""
    offsets: dict[Partition, int] = {}
    for record in records:
        partition = (record.topic, record.partition)
        offsets[partition] = max(offsets.get(partition, 0), record.offset + 1)
    return offsets
