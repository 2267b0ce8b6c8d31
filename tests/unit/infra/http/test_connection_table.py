"""Which connections are ended, and which make room."""

import pytest

from infra.http.connection_table import ConnectionLimits, ConnectionTable

LIMITS = ConnectionLimits(
    most=3, head_bytes=1_000, head_seconds=10, send_idle_seconds=30, send_seconds=300
)


class Held:
    """A connection: what lies in front of its client, and whether it was ended."""

    def __init__(self, unsent: int = 0) -> None:
        self.unsent = unsent
        self.is_ended = False

    def unsent_bytes(self) -> int:
        return self.unsent

    def end(self) -> None:
        self.is_ended = True


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connections(clock: Clock) -> ConnectionTable:
    return ConnectionTable(LIMITS, clock)


def seconds_until_end(
    connections: ConnectionTable, clock: Clock, one: Held, per_second: int = 0
) -> int:
    """Let time go by, and the client take so many bytes a second."""
    for second in range(1_000):
        clock.now = second
        connections.end_overdue()
        if one.is_ended:
            return second
        one.unsent = max(0, one.unsent - per_second)
    return 1_000


def test_one_that_sends_no_request_is_ended(connections: ConnectionTable, clock: Clock) -> None:
    one = Held()
    assert connections.join(one)
    assert seconds_until_end(connections, clock, one) == 10
    assert len(connections) == 0


def test_one_that_is_worked_for_is_left_alone(connections: ConnectionTable, clock: Clock) -> None:
    one = Held()
    connections.join(one)
    connections.begin(one)
    assert seconds_until_end(connections, clock, one) == 1_000
    connections.wait(one)
    clock.now = 1_008
    connections.end_overdue()
    assert not one.is_ended
    clock.now = 1_009
    connections.end_overdue()
    assert one.is_ended


def test_a_client_that_takes_nothing_of_its_answer_is_gone(
    connections: ConnectionTable, clock: Clock
) -> None:
    one = Held(unsent=1_000)
    connections.join(one)
    assert seconds_until_end(connections, clock, one) == 30


def test_a_client_that_takes_its_answer_has_its_time(
    connections: ConnectionTable, clock: Clock
) -> None:
    one = Held(unsent=200)
    connections.join(one)  # the answer is made, and no other request was sent
    assert seconds_until_end(connections, clock, one, per_second=1) == 210, (
        "10 s after the last byte"
    )


def test_nobody_takes_an_answer_for_ever(connections: ConnectionTable, clock: Clock) -> None:
    one = Held(unsent=1_000)
    connections.join(one)
    connections.begin(one)
    assert seconds_until_end(connections, clock, one, per_second=1) == 300


def test_a_stream_may_go_on_as_long_as_its_client_keeps_up(
    connections: ConnectionTable, clock: Clock
) -> None:
    """More is written only once most of what waited was taken, so more is a sign of life."""
    one = Held(unsent=60)
    connections.join(one)
    connections.begin(one)
    for second in range(2_000):
        clock.now = second
        one.unsent = 60 if second % 10 == 0 else one.unsent - 5
        connections.end_overdue()
    assert not one.is_ended
    one.unsent = 60
    clock.now = 2_001
    connections.end_overdue()
    clock.now = 2_031
    connections.end_overdue()
    assert one.is_ended, "and when nothing is taken any more, it is ended"


def test_the_one_that_waited_longest_makes_room(connections: ConnectionTable, clock: Clock) -> None:
    first, second, third = Held(), Held(), Held()
    for number, one in enumerate((first, second, third)):
        clock.now = number
        assert connections.join(one)
    connections.begin(first)
    assert connections.join(newcomer := Held())
    assert [each.is_ended for each in (first, second, third, newcomer)] == [
        False,
        True,
        False,
        False,
    ]
    assert len(connections) == 3


def test_an_answer_that_is_not_taken_makes_room_before_work_does(
    connections: ConnectionTable,
) -> None:
    working, sending, other = Held(), Held(unsent=5), Held()
    for one in (working, sending, other):
        connections.join(one)
        connections.begin(one)
    connections.end_overdue()  # it is seen there that it sends
    assert connections.join(Held())
    assert [each.is_ended for each in (working, sending, other)] == [False, True, False]


def test_a_newcomer_is_turned_away_while_all_others_are_at_work(
    connections: ConnectionTable,
) -> None:
    working = [Held() for _ in range(3)]
    for one in working:
        connections.join(one)
        connections.begin(one)
    assert not connections.join(Held())
    connections.leave(working[0])
    assert connections.join(Held())


def test_what_was_turned_away_or_ended_leaves_nothing_behind(connections: ConnectionTable) -> None:
    for one in [Held() for _ in range(3)]:
        connections.join(one)
        connections.begin(one)
    stranger = Held()
    connections.join(stranger)
    connections.wait(stranger)
    connections.leave(stranger)
    assert len(connections) == 3
