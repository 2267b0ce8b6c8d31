"""What the operator keeps of an operation, how fast it goes, and what it waits for."""

import asyncio

import pytest

from domain.bulk_operation import decide
from domain.bulk_operation.events import OperationSelected, OperationStarted
from domain.bulk_operation.progress import progress_events, selection_events
from domain.category import EMPTY_CATALOGUE
from domain.command_routing import stream_of
from domain.outcomes import Outcome, outcome_in
from infra.decider_runtime.command_client import CommandClient
from infra.decider_runtime.pending_replies import PendingReplies
from infra.errors import Overloaded, StoreUnavailable, ViewNotBuilt, ViewsMissing
from read_models.assets_by_shard.queries import AssetScan
from read_models.view_reader import ViewReader
from streams.bulk_operations.item_executor import ItemExecutor
from streams.bulk_operations.operation_decider import OperationDecider
from streams.bulk_operations.operation_executor import OperationExecutor
from streams.bulk_operations.operation_pace import OperationPace, batch_size
from streams.bulk_operations.tracked_operations import (
    ItemChunk,
    TrackedOperation,
    TrackedOperations,
)
from streams.bulk_operations.view_barrier import ViewBarrier
from tests.support.bulk_operations import OPERATION, REVERT, instructions, revert, start
from tests.support.fakes.fake_decider import FakeDecider
from tests.support.fakes.memory_cql import MemoryCql
from tests.support.samples import ACME, NOON
from tests.unit.domain.bulk_operation.test_operation import outcome


def course_of(tracked_operations: TrackedOperations) -> TrackedOperation:
    (tracked,) = tracked_operations.under_way()
    return tracked


def begun() -> TrackedOperations:
    """Begin an operation of five items in two chunks."""
    tracked_operations = TrackedOperations(0)
    for event in decide(start(instructions("delete")), {}, EMPTY_CATALOGUE, NOON):
        tracked_operations.take_in(event, 10)
    for offset, items, is_last in ((11, "abc", False), (14, "de", True)):
        at = tracked_operations.of(ACME)[OPERATION]
        (event,) = selection_events(at, list(items), after="", is_last=is_last, now=NOON)
        assert isinstance(event, OperationSelected)
        tracked_operations.take_in(event, offset)
    return tracked_operations


def settle(tracked_operations: TrackedOperations, *items: str) -> None:
    at = tracked_operations.of(ACME)[OPERATION]
    for event in progress_events(at, [outcome(item) for item in items], per_minute=1, now=NOON):
        tracked_operations.take_in(event, 20)


def test_an_item_is_found_in_its_chunk() -> None:
    tracked_operations = begun()
    assert course_of(tracked_operations).next_chunk() == (ItemChunk(offset=11, count=3), 0)
    settle(tracked_operations, "a", "b")
    assert course_of(tracked_operations).next_chunk() == (ItemChunk(offset=11, count=3), 2)
    settle(tracked_operations, "c")
    assert course_of(tracked_operations).next_chunk() == (ItemChunk(offset=14, count=2), 0)
    settle(tracked_operations, "d", "e")
    assert list(tracked_operations.under_way()) == []


def test_a_revert_goes_through_the_chunks_backwards() -> None:
    tracked_operations = begun()
    settle(tracked_operations, "a", "b", "c")
    settle(tracked_operations, "d", "e")
    (event,) = decide(revert(), tracked_operations.of(ACME), EMPTY_CATALOGUE, NOON)
    assert isinstance(event, OperationStarted)
    tracked_operations.take_in(event, 30)
    tracked = course_of(tracked_operations)
    assert tracked.operation.operation_id == REVERT
    assert tracked.chunks == [ItemChunk(offset=14, count=2), ItemChunk(offset=11, count=3)]


def test_an_operation_whose_history_has_a_hole_or_a_repetition_is_set_aside() -> None:
    tracked_operations = begun()
    at = tracked_operations.of(ACME)[OPERATION]
    first, second = (
        next(iter(progress_events(at, [outcome(item)], per_minute=1, now=NOON))) for item in "ab"
    )
    tracked_operations.take_in(first, 20)
    assert course_of(tracked_operations).operation.counts.processed == 1
    tracked_operations.take_in(second, 21)  # as if two owners had written
    assert list(tracked_operations.under_way()) == []
    assert "version 4 follows version 4" in tracked_operations.broken[OPERATION]


def test_rounds_are_about_half_a_second_and_never_too_large() -> None:
    assert [batch_size(rate, 100) for rate in (1, 20, 200, 1_000)] == [1, 10, 100, 100]


def test_a_pace_is_kept_and_measured() -> None:
    pace = OperationPace(next_at=0.0)
    pace.record_batch(10, per_second=20, began_at=0.0, now=0.1)
    assert pace.next_at == 0.5
    assert pace.per_minute == 1_200
    pace.back_off(1.0)
    pace.back_off(2.0)
    assert pace.next_at == 2.4  # twice as long the second time


class OpenBook(OperationDecider):
    """A ledger with one operation that has just begun."""

    def __init__(self) -> None:
        self.tracked_operations = TrackedOperations(0)
        for event in decide(start(instructions("delete")), {}, EMPTY_CATALOGUE, NOON):
            self.tracked_operations.take_in(event, 10)

    def step(self, wait_seconds: float = 0) -> int:
        return 0

    def under_way(self) -> list[TrackedOperation]:
        return list(self.tracked_operations.under_way())


class Troubled(ViewBarrier):
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
    barrier, outcomes, seconds = Troubled(trouble), PendingReplies[Outcome](0, outcome_in), [0.0]
    views = ViewReader(MemoryCql())
    operator = OperationExecutor(
        OpenBook(),
        ItemExecutor(CommandClient(FakeDecider(outcomes), outcomes, stream_of), views, 0),
        AssetScan(views),
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
