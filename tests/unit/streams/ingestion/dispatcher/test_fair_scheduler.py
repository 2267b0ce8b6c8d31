from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.asset.events import AssetEvent, AssetSubmitted
from streams.ingestion.dispatcher.fair_scheduler import AdmissionLimits, FairScheduler
from tests.support.samples import NOON
from tests.support.stream_samples import CONFIRMED, DELAYED, DELETED, REPLACED, insert, rejection

LEASE = timedelta(minutes=10)


class Story:
    """Tells events one after the other."""

    def __init__(self, per_tenant: int = 2, bulk: int = 3) -> None:
        self.turns = FairScheduler(AdmissionLimits(per_tenant=per_tenant, bulk=bulk, lease=LEASE))
        self._end = dict.fromkeys(range(12), 0)

    def tell(self, *events: AssetEvent, partition: int = 0) -> "Story":
        for event in events:
            self.turns.apply(event, (partition, self._end[partition]))
            self._end[partition] += 1
        return self

    def begun(self, at_most: int = 100, now: datetime = NOON) -> list[str]:
        """Name the assets whose work is ordered now."""
        return [queued_run.asset_id for queued_run in self.turns.take(at_most, now)]


def inserts(tenant: str, count: int, *, is_bulk: bool = False) -> list[AssetSubmitted]:
    return [insert(f"{tenant}-{number}", tenant, is_bulk=is_bulk) for number in range(count)]


def test_a_later_tenant_does_not_wait_for_the_bulk_of_an_earlier_one() -> None:
    story = Story().tell(*inserts("early", 5_000, is_bulk=True))
    assert len(story.begun()) == 2

    story.tell(insert("late", "late"), insert("bulk", "later", is_bulk=True))

    assert story.begun() == ["late", "bulk"]


def test_tenants_take_turns_whoever_came_first() -> None:
    story = Story(per_tenant=10, bulk=10)
    for tenant in ("a", "b", "c"):
        story.tell(*inserts(tenant, 3, is_bulk=True))

    assert story.begun(at_most=4) == ["a-0", "b-0", "c-0", "a-1"]
    assert story.begun(at_most=4) == ["b-1", "c-1", "a-2", "b-2"]


def test_turns_go_round_also_when_they_come_one_by_one() -> None:
    story = Story(per_tenant=10, bulk=1)
    a, b = inserts("a", 3, is_bulk=True), inserts("b", 3, is_bulk=True)
    story.tell(*a, *b)
    order = []
    while begun := story.begun():
        order += begun
        story.tell(*(rejection(event) for event in (*a, *b) if event.asset_id in begun))

    assert order == ["a-0", "b-0", "a-1", "b-1", "a-2", "b-2"]


def test_single_inserts_go_before_bulk() -> None:
    story = Story().tell(*inserts("a", 2, is_bulk=True), insert("single", "a"))

    assert story.begun(at_most=1) == ["single"]


def test_bulk_takes_no_turn_from_the_single_inserts_of_its_own_tenant() -> None:
    story = Story().tell(*inserts("a", 9, is_bulk=True))
    assert story.begun() == ["a-0", "a-1"]

    assert story.tell(insert("single", "a")).begun() == ["single"]


def test_all_bulk_together_is_bounded() -> None:
    story = Story(per_tenant=2, bulk=3)
    for tenant in ("a", "b", "c"):
        story.tell(*inserts(tenant, 2, is_bulk=True))

    assert story.begun() == ["a-0", "b-0", "c-0"]


@pytest.mark.parametrize("end", [rejection(insert("a-0", "a")), CONFIRMED, DELAYED, DELETED])
def test_an_end_gives_its_turn_to_the_next_of_the_tenant(end: AssetEvent) -> None:
    story = Story(per_tenant=1).tell(*inserts("a", 2))
    assert story.begun() == ["a-0"]
    assert story.begun() == []

    story.tell(replace(end, metadata=replace(end.metadata, entity_id="a-0")))

    assert story.begun() == ["a-1"]
    assert story.turns.admitted == 1


def test_an_end_that_is_told_twice_gives_one_turn() -> None:
    story = Story(per_tenant=1).tell(*inserts("a", 3))
    assert story.begun() == ["a-0"]

    end = rejection(insert("a-0", "a"))
    assert story.tell(end, end).begun() == ["a-1"]


def test_a_run_that_never_ends_gives_its_turn_back_in_time() -> None:
    story = Story(per_tenant=1).tell(*inserts("a", 2))
    assert story.begun() == ["a-0"]

    assert story.begun(now=NOON + LEASE - timedelta(seconds=1)) == []
    assert story.begun(now=NOON + LEASE) == ["a-1"]


def test_what_ended_while_it_waited_is_not_ordered() -> None:
    story = Story().tell(*inserts("a", 3), rejection(insert("a-0", "a")))

    assert story.begun() == ["a-1", "a-2"]


def test_only_the_newest_run_of_an_asset_is_ordered() -> None:
    first = insert("x", is_bulk=True)
    second = replace(REPLACED, metadata=replace(REPLACED.metadata, entity_id="x"))
    story = Story().tell(first, second)

    assert [queued_run.event_offset for queued_run in story.turns.take(9, NOON)] == [(0, 1)]


def test_a_newer_run_frees_the_turn_of_the_older_one() -> None:
    story = Story(per_tenant=1).tell(insert("x"))
    assert story.begun() == ["x"]

    story.tell(replace(REPLACED, metadata=replace(REPLACED.metadata, entity_id="x")))

    assert story.begun() == ["x"]
    assert story.turns.admitted == 1


def test_the_oldest_that_waits_is_known_for_each_partition() -> None:
    story = Story(per_tenant=1).tell(*inserts("a", 3)).tell(insert("b", "b"), partition=4)
    assert [story.turns.oldest_waiting(number) for number in (0, 4, 5)] == [0, 0, None]

    story.begun()

    assert [story.turns.oldest_waiting(number) for number in (0, 4)] == [1, None]
    assert story.turns.waiting == 2


def test_turns_given_back_come_first_again() -> None:
    story = Story(per_tenant=2).tell(*inserts("a", 3))
    story.turns.requeue(story.turns.take(9, NOON))

    assert story.turns.oldest_waiting(0) == 0
    assert story.begun() == ["a-0", "a-1"]


def test_a_partition_that_is_lost_takes_its_runs_with_it() -> None:
    story = Story(per_tenant=1).tell(*inserts("a", 2)).tell(insert("b", "a"), partition=1)
    assert story.begun() == ["a-0"]

    story.turns.forget(0)

    assert story.begun() == ["b"], "the turn came back too"
    assert (story.turns.waiting, story.turns.oldest_waiting(0)) == (0, None)


def test_ends_of_what_nobody_waits_for_are_not_remembered() -> None:
    story = Story(per_tenant=1).tell(*(rejection(insert(str(number))) for number in range(1_000)))

    story.turns.oldest_waiting(0)

    assert not story.turns._superseded[0]  # noqa: SLF001 - that memory is bounded cannot be asked for
