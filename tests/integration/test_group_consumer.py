"""Members of a group on a real broker: nothing is passed over, whoever comes, goes or sleeps."""

import os
import random
from collections import defaultdict
from collections.abc import Iterator
from threading import Event, Lock, Thread

import pytest
from confluent_kafka import Producer, TopicPartition

from infra.errors import BrokerUnavailable, LogIncomplete, TopicsWrong
from infra.kafka.admin import apply_topics, check_topics
from infra.kafka.client import ClientConfig, Kafka
from infra.kafka.group_consumer import GroupConsumer, Partition
from infra.kafka.offsets.lag import group_has_read
from infra.kafka.topics import ASSET_EVENTS, GROUP_OFFSETS, IMAGE_JOBS, Topic
from tests.support.eventually import eventually
from tests.support.servers import Servers

GROUP = "readers-of-a-test"
REBALANCES = 500 if float(os.environ.get("SCALEHOSTER_TEST_SOAK", "1")) > 1 else 4


@pytest.fixture
def kafka(servers: Servers, topic_prefix: str) -> Kafka:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka, [ASSET_EVENTS, IMAGE_JOBS, GROUP_OFFSETS])
    return kafka


class Watched:
    """What was handed to anybody, and whether all of it was before it was committed past."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._whole: defaultdict[Partition, int] = defaultdict(int)  # all before it was handed over
        self._beyond: defaultdict[Partition, set[int]] = defaultdict(set)
        self.passed_over: list[tuple[Partition, int]] = []
        self.rebalances = 0

    def hand_over(self, partition: Partition, offset: int) -> None:
        with self._lock:
            beyond = self._beyond[partition]
            if offset >= self._whole[partition]:
                beyond.add(offset)
            while self._whole[partition] in beyond:
                beyond.remove(self._whole[partition])
                self._whole[partition] += 1

    def commit(self, offsets: dict[Partition, int]) -> None:
        with self._lock:
            for partition, offset in offsets.items():
                if offset > self._whole[partition]:
                    self.passed_over.append((partition, self._whole[partition]))

    def rebalance(self, _partitions: list[Partition]) -> None:
        with self._lock:
            self.rebalances += 1

    def count(self) -> int:
        with self._lock:
            return sum(self._whole.values()) + sum(map(len, self._beyond.values()))


class Hasty(Kafka):
    """Hears of a rebalance at once, so that there are more of them in a second."""

    def group_reader(self, group: str, max_poll_seconds: int = 60) -> ClientConfig:
        config = super(Hasty, self).group_reader(group, max_poll_seconds)  # noqa: UP008 - slots
        return {**config, "heartbeat.interval.ms": 100}


def follow(kafka: Kafka, watched: Watched, stopping: Event, owned: set[Partition]) -> None:
    with GroupConsumer(kafka, GROUP, [IMAGE_JOBS], on_revoked=watched.rebalance) as reader:
        while not stopping.is_set():
            try:
                owned.intersection_update(reader.assigned())
                owned.update(reader.assigned())
                offsets: dict[Partition, int] = {}
                for record in reader.poll(50, 0.05):
                    partition = (record.topic, record.partition)
                    watched.hand_over(partition, record.offset)
                    offsets[partition] = record.offset + 1
                reader.commit(offsets)
                watched.commit(offsets)
            except BrokerUnavailable:
                continue


class Member:
    """One who reads, in a thread."""

    def __init__(self, kafka: Kafka, watched: Watched) -> None:
        self._stopping = Event()
        self.owned: set[Partition] = set()
        self._thread = Thread(
            target=follow, args=(kafka, watched, self._stopping, self.owned), daemon=True
        )
        self._thread.start()

    def leave(self) -> None:
        self._stopping.set()
        self._thread.join()


@pytest.fixture
def written(kafka: Kafka) -> Iterator[list[int]]:
    """Records without end, in all partitions; the list has one number, how many there are."""
    stopping, count = Event(), [0]

    def write() -> None:
        producer = Producer({**kafka.producer(), "linger.ms": 1})
        while not stopping.wait(0.01):
            for _ in range(10):
                number = count[0]
                producer.produce(kafka.topic(IMAGE_JOBS), b"x", partition=number * 7 % 12)
                count[0] += 1
            producer.poll(0)
        producer.flush(20)

    thread = Thread(target=write)
    thread.start()
    yield count
    stopping.set()
    thread.join()


@pytest.mark.timeout(3_600)
def test_no_record_is_passed_over_while_members_come_and_go(
    kafka: Kafka, written: list[int]
) -> None:
    watched = Watched()
    hasty = Hasty(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=kafka.topic_prefix)
    members = [Member(hasty, watched)]
    chance = random.Random(1)

    def is_shared() -> bool:
        owned = [len(member.owned) for member in members]
        return min(owned) > 0 and sum(owned) == IMAGE_JOBS.partitions

    while watched.rebalances < REBALANCES:
        eventually(is_shared)
        if len(members) < 2 or (len(members) < 4 and chance.random() < 0.5):
            members.append(Member(hasty, watched))
        else:
            members.pop(chance.randrange(len(members))).leave()
    eventually(lambda: watched.count() >= written[0])
    for member in members:
        member.leave()
    assert watched.passed_over == []


def read_something(reader: GroupConsumer) -> None:
    while not reader.poll(500, 0.1):
        pass


def forget(kafka: Kafka, topic: Topic, up_to: int) -> None:
    """Do to partition 0 and the group what a broker does to an installation that sleeps."""
    admin = kafka.admin()
    place = TopicPartition(kafka.topic(topic), 0, up_to)
    for done in admin.delete_records([place]).values():
        done.result(timeout=20)
    forget_group(kafka)


def forget_group(kafka: Kafka) -> None:
    def deleted() -> bool:
        admin = kafka.admin()
        for done in admin.delete_consumer_groups([kafka.group(GROUP)]).values():
            done.result(timeout=20)
        return True

    eventually(deleted)


def write(kafka: Kafka, topic: Topic, count: int) -> None:
    producer = Producer(kafka.producer())
    for _ in range(count):
        producer.produce(kafka.topic(topic), b"x", partition=0)
    assert producer.flush(20) == 0


def offsets_read(kafka: Kafka, topic: Topic, *, keeps_offsets: bool = False) -> list[int]:
    """Read once all that there is in partition 0, and commit it."""
    with GroupConsumer(kafka, GROUP, [topic], keeps_offsets=keeps_offsets) as reader:
        found: list[int] = []
        while not reader.assigned() or not reader.has_caught_up():
            records = reader.poll(500, 0.1)
            found += [record.offset for record in records]
            reader.commit({(each.topic, each.partition): each.offset + 1 for each in records})
        return found


def test_a_group_that_slept_reads_what_its_topic_still_has(kafka: Kafka) -> None:
    write(kafka, IMAGE_JOBS, 5)
    assert offsets_read(kafka, IMAGE_JOBS) == [0, 1, 2, 3, 4]
    write(kafka, IMAGE_JOBS, 5)
    forget(kafka, IMAGE_JOBS, 7)
    assert group_has_read(kafka, GROUP, IMAGE_JOBS, {0: 7})
    assert not group_has_read(kafka, GROUP, IMAGE_JOBS, {0: 8})
    assert offsets_read(kafka, IMAGE_JOBS) == [7, 8, 9]


def test_a_group_that_keeps_its_offsets_reads_nothing_twice_after_any_sleep(kafka: Kafka) -> None:
    write(kafka, ASSET_EVENTS, 5)
    assert offsets_read(kafka, ASSET_EVENTS, keeps_offsets=True) == [0, 1, 2, 3, 4]
    forget_group(kafka)
    write(kafka, ASSET_EVENTS, 2)
    assert offsets_read(kafka, ASSET_EVENTS, keeps_offsets=True) == [5, 6]


def test_a_log_of_events_without_its_head_is_refused(kafka: Kafka) -> None:
    write(kafka, ASSET_EVENTS, 5)
    check_topics(kafka, [ASSET_EVENTS])
    offsets_read(kafka, ASSET_EVENTS)
    forget(kafka, ASSET_EVENTS, 3)
    with pytest.raises(TopicsWrong, match="asset-events 0 lost its first 3 events"):
        check_topics(kafka, [ASSET_EVENTS])
    reader = GroupConsumer(kafka, GROUP, [ASSET_EVENTS])
    with pytest.raises(LogIncomplete):
        read_something(reader)
    reader.close()
