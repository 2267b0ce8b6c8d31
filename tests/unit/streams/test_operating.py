"""What the operator keeps of an operation, how fast it goes, and what it waits for."""

import asyncio

import pytest

from domain.bulk_events import OperationSelected, OperationStarted
from domain.catalogue import EMPTY
from domain.operation import decide
from domain.operation.advancing import progressed, selected
from infra.asking import Asker
from infra.candidates import Candidates
from infra.errors import Overloaded, StoreUnavailable, ViewNotBuilt, ViewsMissing
from infra.histories import Histories
from infra.live_views import LiveViews
from infra.outcomes import Outcomes
from streams.operating.barriers import Barrier
from streams.operating.courses import Chunk, Course, Courses
from streams.operating.items import Items
from streams.operating.ledger import Ledger
from streams.operating.operator import Operator
from streams.operating.pacing import Pace, round_of
from tests.bulk import OPERATION, REVERT, instructions, revert, start
from tests.fake_decider import FakeDecider
from tests.memory_cql import MemoryCql
from tests.samples import ACME, NOON
from tests.unit.test_operation import outcome


def course_of(courses: Courses) -> Course:
    (course,) = courses.under_way()
    return course


def begun() -> Courses:
    """Begin an operation of five items in two chunks."""
    courses = Courses(0)
    for event in decide(start(instructions("delete")), {}, EMPTY, NOON):
        courses.take_in(event, 10)
    for offset, items, is_last in ((11, "abc", False), (14, "de", True)):
        at = courses.of(ACME)[OPERATION]
        (event,) = selected(at, list(items), after="", is_last=is_last, now=NOON)
        assert isinstance(event, OperationSelected)
        courses.take_in(event, offset)
    return courses


def settle(courses: Courses, *items: str) -> None:
    at = courses.of(ACME)[OPERATION]
    for event in progressed(at, [outcome(item) for item in items], per_minute=1, now=NOON):
        courses.take_in(event, 20)


def test_an_item_is_found_in_its_chunk() -> None:
    courses = begun()
    assert course_of(courses).next_chunk() == (Chunk(offset=11, count=3), 0)
    settle(courses, "a", "b")
    assert course_of(courses).next_chunk() == (Chunk(offset=11, count=3), 2)
    settle(courses, "c")
    assert course_of(courses).next_chunk() == (Chunk(offset=14, count=2), 0)
    settle(courses, "d", "e")
    assert list(courses.under_way()) == []


def test_a_revert_goes_through_the_chunks_backwards() -> None:
    courses = begun()
    settle(courses, "a", "b", "c")
    settle(courses, "d", "e")
    (event,) = decide(revert(), courses.of(ACME), EMPTY, NOON)
    assert isinstance(event, OperationStarted)
    courses.take_in(event, 30)
    course = course_of(courses)
    assert course.operation.operation_id == REVERT
    assert course.chunks == [Chunk(offset=14, count=2), Chunk(offset=11, count=3)]


def test_an_operation_whose_history_has_a_hole_or_a_repetition_is_set_aside() -> None:
    courses = begun()
    at = courses.of(ACME)[OPERATION]
    first, second = (
        next(iter(progressed(at, [outcome(item)], per_minute=1, now=NOON))) for item in "ab"
    )
    courses.take_in(first, 20)
    assert course_of(courses).operation.counts.settled == 1
    courses.take_in(second, 21)  # as if two owners had written
    assert list(courses.under_way()) == []
    assert "version 4 follows version 4" in courses.broken[OPERATION]


def test_rounds_are_about_half_a_second_and_never_too_large() -> None:
    assert [round_of(rate, 100) for rate in (1, 20, 200, 1_000)] == [1, 10, 100, 100]


def test_a_pace_is_kept_and_measured() -> None:
    pace = Pace(next_at=0.0)
    pace.went_on(10, per_second=20, began_at=0.0, now=0.1)
    assert pace.next_at == 0.5
    assert pace.per_minute == 1_200
    pace.hold(1.0)
    pace.hold(2.0)
    assert pace.next_at == 2.4  # twice as long the second time


class OpenBook(Ledger):
    """A ledger with one operation that has just begun."""

    def __init__(self) -> None:
        self.courses = Courses(0)
        for event in decide(start(instructions("delete")), {}, EMPTY, NOON):
            self.courses.take_in(event, 10)

    def step(self, wait_seconds: float) -> int:
        return 0

    def under_way(self) -> list[Course]:
        return list(self.courses.under_way())


class Troubled(Barrier):
    """A barrier that cannot tell, and counts how often it was asked."""

    def __init__(self, trouble: Exception) -> None:
        self.trouble = trouble
        self.asked = 0

    async def is_open(self) -> bool:
        self.asked += 1
        raise self.trouble


@pytest.mark.parametrize(
    "trouble",
    [ViewNotBuilt("not yet"), ViewsMissing("none"), StoreUnavailable("away"), Overloaded("full")],
    ids=lambda trouble: type(trouble).__name__,
)
def test_an_operation_waits_while_its_view_cannot_be_read(trouble: Exception) -> None:
    barrier, outcomes, seconds = Troubled(trouble), Outcomes(0), [0.0]
    views = LiveViews(MemoryCql())
    operator = Operator(
        OpenBook(),
        Items(Asker(FakeDecider(outcomes), outcomes), Histories(views), 0),
        Candidates(views),
        lambda _: barrier,
        lambda: NOON,
        lambda: seconds[0],
    )
    assert asyncio.run(operator.step()) == 0
    assert asyncio.run(operator.step()) == 0
    assert barrier.asked == 1, "it holds still for a while"
    seconds[0] += 60
    asyncio.run(operator.step())
    assert barrier.asked == 2
