"""Following a topic, whatever happens to the reader."""

from collections.abc import Iterator
from contextlib import contextmanager

from avro_schemas.errors import KeysLost
from infra.errors import BrokerUnavailable
from infra.kafka.partition_reader import Record
from infra.kafka.tailer import Tailer
from tests.support.eventually import eventually


def record(offset: int) -> Record:
    return Record(
        topic="t", partition=0, offset=offset, key=b"k", value=b"%d" % offset, timestamp_ms=0
    )


class Topic:
    """Three records, read one at a time; reading fails once after ``fails_after`` of them."""

    def __init__(self, fails_after: int = -1) -> None:
        self.opened = 0
        self._fails_after = fails_after
        self._position = 0

    @contextmanager
    def open(self) -> Iterator["Topic"]:
        self.opened += 1
        self._position = 0
        yield self

    def ends(self) -> dict[int, int]:
        return {0: 3}

    def position(self, partition: int) -> int:
        assert partition == 0
        return self._position

    def poll(self) -> list[Record]:
        if self._position == self._fails_after:
            self._fails_after = -1
            raise BrokerUnavailable("gone for a moment")
        if self._position == 3:
            return []
        self._position += 1
        return [record(self._position - 1)]


def test_it_is_current_once_all_that_was_there_has_been_handed_over() -> None:
    seen: list[int] = []
    with Tailer("test", Topic().open, lambda each: seen.append(each.offset)) as tail:
        assert tail.wait_until_current(10)
        assert seen == [0, 1, 2]


def test_whoever_asked_is_told_that_all_was_handed_over() -> None:
    told: list[object] = []
    with Tailer("test", Topic().open, told.append, lambda: told.append("all")) as tail:
        assert tail.wait_until_current(10)
    assert told == [record(0), record(1), record(2), "all"]


def test_a_record_that_cannot_be_taken_in_does_not_stop_those_behind_it() -> None:
    seen: list[int] = []

    def take_in(each: Record) -> None:
        if each.offset == 1:
            raise ValueError("no key of ours")
        seen.append(each.offset)

    with Tailer("test", Topic().open, take_in) as tail:
        assert tail.wait_until_current(10)
    assert seen == [0, 2]


def test_reading_goes_on_after_a_failure() -> None:
    topic, seen = Topic(fails_after=2), set[int]()
    with Tailer("test", topic.open, lambda each: seen.add(each.offset)) as tail:
        assert eventually(lambda: tail.is_current)
    assert seen == {0, 1, 2}
    assert topic.opened == 2


def test_a_record_whose_keys_are_away_is_not_left_out() -> None:
    topic, seen, lost = Topic(), set[int](), [KeysLost("away")]

    def take_in(each: Record) -> None:
        if each.offset == 1 and lost:
            raise lost.pop()
        seen.add(each.offset)

    with Tailer("test", topic.open, take_in) as tail:
        assert eventually(lambda: tail.is_current)
    assert seen == {0, 1, 2}
    assert topic.opened == 2
