import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from avro_schemas.codec import encode
from domain.asset.events import AssetEvent
from domain.asset.jobs import job_for
from domain.asset.runs import EventOffset
from infra.kafka.topics import IMAGE_JOBS
from streams.ingestion.dispatcher.overdue_requeuer import OverdueRunRequeuer, OverdueRuns
from tests.support.fakes.stream_fakes import FakeFinder, FakeReader, FakeSender, record
from tests.support.samples import NOON
from tests.support.stream_samples import (
    A_WHILE,
    CONFIRMED,
    DELAYED,
    DELETED,
    REJECTED,
    REPLACED,
    SUBMITTED,
    insert,
)

HOUR = timedelta(hours=1)


def open_runs(*events: AssetEvent) -> OverdueRuns:
    runs = OverdueRuns(overdue_after=HOUR)
    for event in events:
        runs.apply(event, (0, 0))
    return runs


def overdue(
    runs: OverdueRuns, now: datetime, at_most: int = 10, enqueued_up_to: int = 100, turns: str = ""
) -> list[EventOffset]:
    return runs.take_overdue(now, {0: enqueued_up_to}, turns.__contains__, at_most)


def test_a_run_that_never_ends_is_overdue() -> None:
    runs = open_runs(SUBMITTED)

    assert overdue(runs, NOON + HOUR / 2) == []
    assert overdue(runs, NOON + HOUR) == [(0, 0)]


def test_each_new_order_is_waited_for_twice_as_long() -> None:
    runs = open_runs(SUBMITTED)

    assert overdue(runs, NOON + HOUR)
    assert not overdue(runs, NOON + 2 * HOUR)
    assert overdue(runs, NOON + 3 * HOUR)


def test_a_run_that_waits_for_its_next_attempt_has_time_from_then_on() -> None:
    runs = open_runs(SUBMITTED, DELAYED)

    assert not overdue(runs, NOON + HOUR)
    assert overdue(runs, NOON + HOUR + A_WHILE)


@pytest.mark.parametrize("end", [REJECTED, replace(CONFIRMED, run=1), DELETED])
def test_a_run_that_ended_is_not_overdue(end: AssetEvent) -> None:
    runs = open_runs(SUBMITTED, end)

    assert not overdue(runs, NOON + HOUR)
    assert len(runs) == 0


def test_the_end_of_an_older_run_ends_no_newer_one() -> None:
    runs = open_runs(SUBMITTED, REPLACED, REJECTED)

    assert len(runs) == 1


def test_what_another_dispatcher_owns_is_left_to_it() -> None:
    runs = open_runs(SUBMITTED)

    assert not runs.take_overdue(NOON + HOUR, {1: 100, 2: 100}, "".__contains__, 10)


def test_what_waits_for_its_turn_or_has_it_is_not_overdue() -> None:
    runs = open_runs(SUBMITTED)

    assert not overdue(runs, NOON + HOUR, enqueued_up_to=0)
    assert not overdue(runs, NOON + HOUR, turns=SUBMITTED.asset_id)
    assert overdue(runs, NOON + HOUR, enqueued_up_to=1)


def test_the_oldest_come_first_and_never_too_many() -> None:
    runs = OverdueRuns(overdue_after=HOUR)
    for number in range(5):
        event = insert(f"asset-{number}")
        happened_at = NOON - number * timedelta(seconds=1)
        about = replace(event.metadata, happened_at=happened_at)
        runs.apply(replace(event, metadata=about), (0, number))

    assert overdue(runs, NOON + HOUR, at_most=2) == [(0, 4), (0, 3)]


def test_the_sweeper_orders_again_at_the_end_of_the_log_and_only_now_and_then() -> None:
    sender = FakeSender()
    event = record(encode(SUBMITTED), topic="asset-events")
    now = NOON + HOUR
    sweeper = OverdueRunRequeuer(
        FakeReader([], [event, record(b"junk", offset=1)]),
        sender,
        OverdueRuns(HOUR),
        FakeFinder([event]),
        lambda: {0: 1},
        "".__contains__,
        lambda: now,
        every=timedelta(minutes=1),
    )

    assert asyncio.run(sweeper.step()) == 0, "nothing is known yet"
    assert asyncio.run(sweeper.step()) == 0, "it was reading"
    assert asyncio.run(sweeper.step()) == 0, "it is too early"
    now += timedelta(minutes=1)
    assert asyncio.run(sweeper.step()) == 1
    assert asyncio.run(sweeper.step()) == 0, "it was swept just now"
    assert sender.on(IMAGE_JOBS) == [job_for(SUBMITTED)]
