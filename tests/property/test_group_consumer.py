"""No record is passed over, whatever comes beside it: a revocation, an error, a lost answer."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import BrokerUnavailable
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import GroupConsumer, Partition
from infra.kafka.topics import IMAGE_JOBS

PARTITIONS = 3
Place = tuple[str, int, int]


class Message:
    """A record, or an error beside records."""

    def __init__(self, partition: int, offset: int, error: KafkaError | None = None) -> None:
        self._place = partition, offset
        self._error = error

    def error(self) -> KafkaError | None:
        return self._error

    def topic(self) -> str:
        return IMAGE_JOBS.name

    def partition(self) -> int:
        return self._place[0]

    def offset(self) -> int:
        return self._place[1]

    def key(self) -> bytes:
        return b"k"

    def value(self) -> bytes:
        return b"v"

    def timestamp(self) -> tuple[int, int]:
        return 1, 0

    def headers(self) -> None:
        return None


class Consumer:
    """A member of a group as librdkafka is one; ``steps`` is what happens within its next calls.

    Callbacks are served within ``poll`` and ``consume``; what one of them raises takes all records
    along that the call had read by then.
    """

    made: ClassVar[list["Consumer"]] = []

    def __init__(self, _config: object) -> None:
        self.steps: list[str] = []
        self.end = 0
        self.first = 0
        self.committed_offsets: dict[int, int] = {}
        self.handed_over: defaultdict[int, set[int]] = defaultdict(set)
        self.positions: dict[int, int] = {}  # of what is assigned
        self.away: set[int] = set(range(PARTITIONS))  # with nobody, or with another member
        self.answers_missing = 0
        self.made.append(self)

    def subscribe(self, _topics: object, **callbacks: Callable[..., None]) -> None:
        self._callbacks = callbacks

    # what happens meanwhile
    def _serve(self, got: list[Message]) -> None:
        step = self.steps.pop(0) if self.steps else ""
        kind, _, number = step.partition(" ")
        if kind == "append":
            self.end += 2
        elif kind == "away":
            self.answers_missing = 2
        elif kind == "error":
            got.append(Message(int(number), -1, KafkaError(KafkaError._TRANSPORT)))  # noqa: SLF001 - librdkafka's own name
        elif kind == "revoke" and int(number) not in self.away:
            self.away.add(int(number))
            self._call("on_revoke", int(number))
            self.positions.pop(int(number), None)
            got[:] = [each for each in got if each.partition() != int(number)]
            self._other_owner(int(number))
        elif kind == "assign" and int(number) in self.away:
            self.away.discard(int(number))
            self._call("on_assign", int(number))

    def _call(self, name: str, number: int) -> None:
        self._callbacks[name](self, [TopicPartition(IMAGE_JOBS.name, number)])

    def _other_owner(self, number: int) -> None:
        """Another member reads one record, and commits it."""
        at = self.committed_offsets.get(number, 0)
        if at < self.end:
            self.handed_over[number].add(at)
            self.committed_offsets[number] = at + 1

    # the library
    def poll(self, _timeout: float) -> Message | None:
        got: list[Message] = []
        self._serve(got)
        got = got or self._read(1)
        return got[0] if got else None

    def consume(self, at_most: int, _timeout: float) -> list[Message]:
        got = self._read(at_most)
        self._serve(got)
        return got

    def _read(self, at_most: int) -> list[Message]:
        got: list[Message] = []
        for number, position in self.positions.items():
            for offset in range(position, self.end)[: at_most - len(got)]:
                got.append(Message(number, offset))
                self.positions[number] = offset + 1
        return got

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition(IMAGE_JOBS.name, number) for number in self.positions]

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        self.positions |= {tp.partition: tp.offset for tp in places}

    def incremental_unassign(self, places: list[TopicPartition]) -> None:
        for tp in places:
            del self.positions[tp.partition]

    def committed(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        self._answer(timeout)
        return [
            TopicPartition(tp.topic, tp.partition, self.committed_offsets.get(tp.partition, -1001))
            for tp in places
        ]

    def get_watermark_offsets(self, _place: TopicPartition, timeout: float) -> tuple[int, int]:
        self._answer(timeout)
        return self.first, self.end

    def _answer(self, timeout: float) -> None:
        assert timeout > 0
        if self.answers_missing:
            self.answers_missing -= 1
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))  # noqa: SLF001 - as above

    def commit(self, offsets: list[TopicPartition], *, asynchronous: bool) -> None:
        """Take any member's word for any partition, as brokers do, and see that it is true."""
        assert not asynchronous
        for tp in offsets:
            missing = set(range(tp.offset)) - self.handed_over[tp.partition]
            assert not missing, f"{missing} of partition {tp.partition} were handed to nobody"
            self.committed_offsets[tp.partition] = tp.offset

    def close(self) -> None: ...


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.kafka.group_consumer.Consumer", Consumer)


def reading() -> tuple[GroupConsumer, Consumer]:
    reader = GroupConsumer(Kafka(bootstrap_servers="127.0.0.1:1"), "group", [IMAGE_JOBS])
    return reader, Consumer.made.pop()


def turn(reader: GroupConsumer, consumer: Consumer, at_most: int = 4) -> None:
    """Do what those do who read: take records, see to them, commit them."""
    try:
        records = reader.poll(at_most, 0)
    except BrokerUnavailable:
        return
    done: dict[Partition, int] = {}
    for record in records:
        consumer.handed_over[record.partition].add(record.offset)
        done[record.topic, record.partition] = record.offset + 1
    reader.commit(done)


numbers = st.integers(0, PARTITIONS - 1)
steps = st.one_of(
    st.sampled_from(["append", "away", "", "", ""]),
    st.builds("{} {}".format, st.sampled_from(["revoke", "assign", "assign", "error"]), numbers),
)


@given(st.lists(steps, min_size=10, max_size=80))
def test_no_record_is_committed_past(happening: list[str]) -> None:
    reader, consumer = reading()
    consumer.steps = [*(f"assign {number}" for number in range(PARTITIONS)), "append", *happening]
    while consumer.steps:
        turn(reader, consumer)
    consumer.steps = [f"assign {number}" for number in range(PARTITIONS)]
    for _ in range(3 * len(happening) + 20):
        turn(reader, consumer)
    everything = set(range(consumer.end))
    assert all(consumer.handed_over[number] == everything for number in range(PARTITIONS))


def places(records: Iterable[Any]) -> list[tuple[int, int]]:
    return [(record.partition, record.offset) for record in records]


def test_records_beside_an_error_come_before_it() -> None:
    reader, consumer = reading()
    consumer.steps = ["assign 0", "append", "", "error 1"]
    assert reader.poll(4, 0) == []
    assert places(reader.poll(4, 0)) == [(0, 0), (0, 1)]
    with pytest.raises(BrokerUnavailable):
        reader.poll(4, 0)


def test_a_record_read_just_before_its_partition_was_revoked_is_left_to_the_next_owner() -> None:
    reader, consumer = reading()
    consumer.steps = ["assign 0", "assign 1", "append", "", "", "revoke 0"]
    reader.poll(4, 0)
    reader.poll(1, 0)
    reader.poll(1, 0)
    assert reader.assigned() == [(IMAGE_JOBS.name, 0), (IMAGE_JOBS.name, 1)]
    consumer.steps = ["", "revoke 0"]
    assert {number for number, _ in places(reader.poll(4, 0))} <= {1}
    reader.commit({(IMAGE_JOBS.name, 0): 2})  # whoever still thinks that it is ours
    assert consumer.committed_offsets == {0: 1}
