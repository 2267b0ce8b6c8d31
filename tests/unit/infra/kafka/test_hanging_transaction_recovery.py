"""Hanging transactions are ended as they were decided, and nobody else's are touched."""

from dataclasses import dataclass, field

import pytest

from infra.errors import BrokerUnavailable
from infra.kafka.group_consumer import Partition
from infra.kafka.hanging_transactions.recovery import HangingTransactionRecovery
from infra.kafka.topics import (
    ASSET_COMMANDS,
    CATEGORY_COMMANDS,
    OPERATION_COMMANDS,
    OPERATION_EVENTS,
)
from tests.support.fakes.forgetful_broker import ForgetfulBroker

OURS, OTHER = "decider-here-0", "decider-there-0"
COMMANDS: Partition = ("asset-commands", 5)
EVENTS: Partition = ("asset-events", 5)
ANSWERS: Partition = ("command-results", 3)


@dataclass(slots=True)
class Folded:
    reached: dict[int, int] = field(default_factory=dict)

    def __call__(self, partition: Partition, offset: int) -> bool:
        return partition[0] == "asset-events" and offset < self.reached.get(partition[1], 0)


@dataclass(slots=True)
class Clock:
    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def broker() -> ForgetfulBroker:
    return ForgetfulBroker()


@pytest.fixture
def folded() -> Folded:
    return Folded()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recovery(broker: ForgetfulBroker, folded: Folded, clock: Clock) -> HangingTransactionRecovery:
    return HangingTransactionRecovery(
        broker,
        broker.writer,
        "deciders",
        (ASSET_COMMANDS, CATEGORY_COMMANDS),
        family="decider-",
        is_folded=folded,
        clock=clock,
    )


def recover(recovery: HangingTransactionRecovery, broker: ForgetfulBroker) -> None:
    recovery.recover(broker.writer(OURS), broker)
    assert broker.offsets_of is None


def test_where_nothing_hangs_nothing_is_done(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery
) -> None:
    broker.write(OURS, COMMANDS, 7, EVENTS, ANSWERS, fate="seen")
    recover(recovery, broker)
    assert broker.ended == []


def test_what_the_group_has_passed_took_effect(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery
) -> None:
    broker.write(OURS, COMMANDS, 7, EVENTS, ANSWERS, fate="open")
    broker.offsets = {COMMANDS: 8}
    recover(recovery, broker)
    assert broker.fates(EVENTS) == broker.fates(ANSWERS) == ["seen"]
    assert broker.ended == [(OURS, frozenset({EVENTS, ANSWERS}), True)]


def test_what_the_group_has_not_passed_is_taken_back(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery
) -> None:
    broker.write(OURS, COMMANDS, 7, EVENTS, ANSWERS, fate="open")
    broker.offsets = {COMMANDS: 7}
    recover(recovery, broker)
    assert broker.fates(EVENTS) == broker.fates(ANSWERS) == ["gone"]


def test_an_answer_that_can_be_seen_proves_its_events(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery
) -> None:
    broker.write(OURS, COMMANDS, 7, EVENTS, fate="open", timestamp_ms=990_000)
    broker.write(OURS, COMMANDS, 7, ANSWERS, fate="seen", timestamp_ms=990_000)
    broker.offsets_of = OURS
    recover(recovery, broker)
    assert broker.fates(EVENTS) == ["seen"]
    assert recovery.decided[COMMANDS] == 8  # although the group's own offset went back


def test_what_was_folded_took_effect(
    broker: ForgetfulBroker, folded: Folded, recovery: HangingTransactionRecovery
) -> None:
    broker.write(OURS, COMMANDS, 7, EVENTS, ANSWERS, fate="open")
    broker.offsets_of = OURS
    folded.reached = {5: 1}
    recover(recovery, broker)
    assert broker.fates(EVENTS) == ["seen"]
    assert broker.fates(ANSWERS) == ["gone"]  # and is told again, for the command is read again
    assert recovery.decided.get(COMMANDS, 0) <= 7


def test_what_was_confirmed_to_this_process_took_effect(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery
) -> None:
    broker.write(OURS, COMMANDS, 7, EVENTS, ANSWERS, fate="open")
    broker.offsets_of = OURS
    recovery.note({COMMANDS: 8})
    recover(recovery, broker)
    assert broker.fates(EVENTS) == broker.fates(ANSWERS) == ["seen"]
    assert recovery.decided[COMMANDS] == 8


def test_what_nobody_can_have_been_told_is_taken_back(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery
) -> None:
    broker.write(OURS, COMMANDS, 7, EVENTS, ANSWERS, fate="open")
    broker.offsets_of = OURS
    recover(recovery, broker)
    assert broker.fates(EVENTS) == broker.fates(ANSWERS) == ["gone"]
    assert recovery.decided.get(COMMANDS, 0) == 0


def test_offsets_that_hang_alone_are_let_go(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery
) -> None:
    broker.offsets = {COMMANDS: 7}
    broker.offsets_of = OURS
    recover(recovery, broker)
    assert recovery.decided[COMMANDS] == 7


def test_another_writer_may_take_its_time_but_not_for_ever(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery, clock: Clock
) -> None:
    broker.write(OTHER, COMMANDS, 7, EVENTS, fate="open")
    broker.offsets = {COMMANDS: 8}
    for _ in range(4):
        recover(recovery, broker)
        clock.seconds += 10
    assert broker.ended == []
    clock.seconds += 1
    recover(recovery, broker)
    assert broker.ended == [(OTHER, frozenset({EVENTS}), True)]
    assert broker.fates(EVENTS) == ["seen"]


def test_a_time_that_another_took_is_not_counted_for_the_next(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery, clock: Clock
) -> None:
    broker.write(OTHER, COMMANDS, 7, EVENTS, fate="open")
    recover(recovery, broker)
    clock.seconds += 30
    broker.log[EVENTS][0].fate = "seen"
    broker.write(OTHER, COMMANDS, 8, EVENTS, fate="open")
    recover(recovery, broker)
    clock.seconds += 30
    recover(recovery, broker)
    assert broker.ended == []


def test_what_another_decided_instead_is_taken_back(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery
) -> None:
    broker.write(OURS, COMMANDS, 7, EVENTS, fate="open")
    broker.write(OTHER, COMMANDS, 7, EVENTS, fate="seen")
    broker.offsets = {COMMANDS: 8}
    recover(recovery, broker)
    assert broker.fates(EVENTS) == ["gone", "seen"]


def test_what_lies_behind_the_hanging_of_another_is_reached(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery, clock: Clock
) -> None:
    broker.write(OTHER, ("asset-commands", 2), 4, ANSWERS, fate="open")
    broker.write(OURS, COMMANDS, 7, ANSWERS, fate="open")
    broker.offsets = {COMMANDS: 8}
    recover(recovery, broker)
    assert broker.fates(ANSWERS) == ["open", "open"]
    clock.seconds += 41
    recover(recovery, broker)
    assert broker.fates(ANSWERS) == ["gone", "seen"]


def test_only_what_hangs_from_one_look_to_the_next_needs_mending(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery
) -> None:
    broker.write(OURS, COMMANDS, 7, EVENTS, fate="open")
    assert not recovery.needs_recovery(OURS)  # its end may just be under way
    broker.log[EVENTS][0].fate = "seen"
    broker.write(OURS, COMMANDS, 8, EVENTS, fate="open")
    assert not recovery.needs_recovery(OURS)
    assert recovery.needs_recovery(OURS)


def test_another_writer_gives_no_cause_to_start_over(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery, clock: Clock
) -> None:
    broker.write(OTHER, COMMANDS, 7, EVENTS, fate="open")
    looks = []
    for _ in range(6):
        looks.append(recovery.needs_recovery(OURS))
        clock.seconds += 11
    assert looks == [False, False, False, False, False, True]


def test_a_look_is_taken_every_ten_seconds_and_tells_of_what_hangs(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery, clock: Clock
) -> None:
    broker.write(OURS, COMMANDS, 7, EVENTS, fate="open")
    recovery.look(OURS)
    clock.seconds += 9
    recovery.look(OURS)
    clock.seconds += 1
    with pytest.raises(BrokerUnavailable):
        recovery.look(OURS)


def test_reading_goes_on_where_this_process_or_another_has_come(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery
) -> None:
    further: Partition = ("asset-commands", 6)
    unknown: Partition = ("asset-commands", 7)
    broker.offsets = {COMMANDS: 5, further: 9, unknown: 3}
    recovery.note({COMMANDS: 7, further: 8})
    assert recovery.starts([COMMANDS, further, unknown], broker) == {COMMANDS: 7, further: 9}


def test_what_another_kind_of_writer_left_open_is_left_to_its_kind(
    broker: ForgetfulBroker, recovery: HangingTransactionRecovery, clock: Clock
) -> None:
    broker.write("operator-here-0", ("operation-commands", 1), 7, ANSWERS, fate="open")
    recover(recovery, broker)
    clock.seconds += 100
    recover(recovery, broker)
    assert not recovery.needs_recovery(OURS)
    assert not recovery.needs_recovery(OURS)
    assert broker.ended == []


@pytest.mark.parametrize(("group_is_at", "fate"), [(5, "gone"), (6, "seen")])
def test_what_follows_from_no_command_is_known_by_how_far_its_own_topic_has_come(
    broker: ForgetfulBroker, clock: Clock, group_is_at: int, fate: str
) -> None:
    notes: Partition = ("operation-events", 1)
    recovery = HangingTransactionRecovery(
        broker,
        broker.writer,
        "operators",
        (OPERATION_COMMANDS, OPERATION_EVENTS),
        family="operator-",
        is_folded=lambda *_: False,
        clock=clock,
    )
    broker.write("operator-here-0", notes, 5, notes, fate="open")
    broker.offsets = {notes: group_is_at}
    recovery.recover(broker.writer("operator-here-0"), broker)
    assert broker.fates(notes) == [fate]
