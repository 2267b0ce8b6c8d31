import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from avro_schemas.codec import encode
from domain.events import (
    AssetDeleted,
    AssetRejected,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
    Event,
)
from domain.jobs import DeadLetter, ImageJob
from domain.values import (
    EventId,
    Status,
)
from infra.group_reading import Partition
from infra.topics import (
    IMAGE_JOBS,
    IMAGE_JOBS_DEAD_LETTERS,
    IMAGE_JOBS_RETRY_10S,
)
from streams.dispatching.dispatcher import Dispatcher
from streams.dispatching.open_runs import OpenRuns
from streams.dispatching.orders import job_for
from streams.dispatching.redelivery import Redelivery
from streams.dispatching.sweeping import Sweeper
from streams.retrying import RetryPolicy
from tests.samples import CAT_PICTURE, DOG_PICTURE, NOON, ORIGINAL
from tests.unit.streams.fakes import FakeReader, FakeSender, away, record
from tests.unit.streams.samples import JOB, METADATA, SUBMITTED

HOUR = timedelta(hours=1)
DELETED = AssetDeleted(metadata=METADATA, category_ids=(), created_at=NOON)
RESTORED = AssetRestored(
    metadata=METADATA,
    status=Status.SUBMITTED,
    category_ids=(),
    created_at=NOON,
    source=CAT_PICTURE,
    preset="default",
    run=2,
    starts_run=True,
    listing=None,
)
REPLACED = AssetSourceReplaced(
    metadata=METADATA,
    source=DOG_PICTURE,
    previous_source=CAT_PICTURE,
    preset="default",
    run=2,
    status=Status.SUBMITTED,
)
REPROCESSING = AssetReprocessingRequested(
    metadata=METADATA, original=ORIGINAL, preset="default", run=2
)
REJECTED = AssetRejected(
    metadata=METADATA, run=1, code="timeout", detail="slow", attempts=4, keeps_published=False
)


@pytest.mark.parametrize("event", [SUBMITTED, RESTORED, REPLACED])
def test_a_new_source_is_fetched(
    event: AssetSubmitted | AssetRestored | AssetSourceReplaced,
) -> None:
    job = job_for(event)

    assert job
    assert (job.source, job.original, job.run) == (event.source, None, event.run)
    assert (job.job_id, job.asset_id) == (METADATA.event_id, METADATA.entity_id)
    assert (job.not_before, job.failed_attempts) == (None, ())


def test_reprocessing_starts_from_the_kept_original() -> None:
    job = job_for(REPROCESSING)

    assert job
    assert (job.source, job.original, job.run) == (None, ORIGINAL, 2)


@pytest.mark.parametrize("event", [DELETED, REJECTED, replace(RESTORED, starts_run=False)])
def test_other_events_ask_for_no_work(event: Event) -> None:
    assert job_for(event) is None


def dispatched(*values: bytes, reader: FakeReader | None = None) -> tuple[FakeSender, FakeReader]:
    sender = FakeSender()
    records = [
        record(value, topic="asset-events", offset=offset) for offset, value in enumerate(values)
    ]
    reader = reader or FakeReader(records)
    dispatcher = Dispatcher(reader=reader, sender=sender, clock=lambda: NOON)
    asyncio.run(dispatcher.step())
    return sender, reader


def test_events_become_jobs_and_count_as_read() -> None:
    sender, reader = dispatched(encode(SUBMITTED), encode(DELETED), encode(REPLACED))

    assert [job.run for job in sender.on(IMAGE_JOBS) if isinstance(job, ImageJob)] == [1, 2]
    assert {key for _, key, _ in sender.sent} == {METADATA.entity_id}
    assert reader.committed == {("asset-events", 0): 3}


def test_an_event_that_cannot_be_read_is_put_aside() -> None:
    sender, reader = dispatched(b"junk", encode(SUBMITTED))

    (letter,) = sender.on(IMAGE_JOBS_DEAD_LETTERS)
    assert isinstance(letter, DeadLetter)
    assert (letter.topic, letter.value) == ("asset-events", b"junk")
    assert len(sender.on(IMAGE_JOBS)) == 1
    assert reader.committed == {("asset-events", 0): 2}


def test_nothing_counts_as_read_before_its_job_is_sent() -> None:
    sender = FakeSender()

    def all_are_sent() -> None:
        assert len(sender.sent) == 1

    reader = FakeReader([record(encode(SUBMITTED), topic="asset-events")], commits=all_are_sent)
    asyncio.run(Dispatcher(reader=reader, sender=sender, clock=lambda: NOON).step())

    assert reader.committed


def test_an_offset_that_cannot_be_committed_stops_nothing() -> None:
    def fail() -> None:
        raise away()

    reader = FakeReader([record(encode(SUBMITTED), topic="asset-events")], commits=fail)
    sender, _ = dispatched(reader=reader)

    assert sender.sent
    assert not reader.committed


def waiting(seconds: float) -> bytes:
    return encode(replace(JOB, not_before=NOON + timedelta(seconds=seconds)))


class Tier:
    """A retry tier with what lies in it, at a time that the test sets."""

    def __init__(self, *values: bytes) -> None:
        self.now = NOON
        self.sender = FakeSender()
        self.reader = FakeReader(
            [
                record(
                    value,
                    topic=IMAGE_JOBS_RETRY_10S.name,
                    offset=offset,
                    timestamp_ms=int(NOON.timestamp() * 1_000),
                )
                for offset, value in enumerate(values)
            ]
        )
        policy = RetryPolicy(max_attempts=4, tier_seconds=(10, 60, 600))
        self.revoke: list[Callable[[list[Partition]], None]] = []
        self._redelivery = Redelivery(
            IMAGE_JOBS_RETRY_10S, self._open, self.sender, policy, lambda: self.now
        )

    def _open(self, on_revoked: Callable[[list[Partition]], None]) -> FakeReader:
        self.revoke.append(on_revoked)
        return self.reader

    def at(self, seconds: float) -> "Tier":
        self.now = NOON + timedelta(seconds=seconds)
        asyncio.run(self._redelivery.step())
        return self

    @property
    def committed(self) -> int | None:
        return self.reader.committed.get((IMAGE_JOBS_RETRY_10S.name, 0))


def test_a_job_comes_back_when_its_time_has_come_and_not_before() -> None:
    tier = Tier(waiting(9), waiting(10))

    assert not tier.at(8.9).sender.sent
    assert len(tier.at(9).sender.on(IMAGE_JOBS)) == 1
    assert tier.committed == 1
    assert len(tier.at(10).sender.on(IMAGE_JOBS)) == 2
    assert tier.committed == 2


def test_a_job_that_waits_longer_makes_room_for_those_behind_it() -> None:
    tier = Tier(waiting(1_000), waiting(9)).at(12)

    assert [name for name, *_ in tier.sender.sent] == ["image-jobs.retry-10m", "image-jobs"]
    assert tier.committed == 2


def test_what_is_no_job_goes_to_the_workers_who_know_what_to_do() -> None:
    tier = Tier(b"junk").at(0)

    assert [(name, value) for name, _, value in tier.sender.sent] == [("image-jobs", b"junk")]


def test_what_another_member_owns_now_is_forgotten() -> None:
    tier = Tier(waiting(9)).at(0)

    for revoke in tier.revoke:
        revoke([(IMAGE_JOBS_RETRY_10S.name, 0)])

    assert not tier.at(100).sender.sent


def test_a_full_tier_is_read_on_once_there_is_room() -> None:
    tier = Tier(*(2_000 * [waiting(9)]))

    assert tier.at(0).reader.is_paused
    assert tier.at(9).at(9).reader.is_paused is False


def open_runs(*events: Event) -> OpenRuns:
    runs = OpenRuns(patience=HOUR)
    for event in events:
        runs.apply(event, partition=0)
    return runs


def overdue(runs: OpenRuns, now: datetime, at_most: int = 10) -> list[str]:
    return [job.job_id for job in runs.take_overdue(now, {0}, at_most)]


def test_a_run_that_never_ends_is_overdue() -> None:
    runs = open_runs(SUBMITTED)

    assert overdue(runs, NOON + HOUR / 2) == []
    assert overdue(runs, NOON + HOUR) == [METADATA.event_id]


def test_each_new_order_is_waited_for_twice_as_long() -> None:
    runs = open_runs(SUBMITTED)

    assert overdue(runs, NOON + HOUR)
    assert not overdue(runs, NOON + 2 * HOUR)
    assert overdue(runs, NOON + 3 * HOUR)


@pytest.mark.parametrize("end", [REJECTED, DELETED])
def test_a_run_that_ended_is_not_overdue(end: Event) -> None:
    runs = open_runs(SUBMITTED, end)

    assert not overdue(runs, NOON + HOUR)
    assert len(runs) == 0


def test_the_end_of_an_older_run_ends_no_newer_one() -> None:
    runs = open_runs(SUBMITTED, REPLACED, REJECTED)

    assert len(runs) == 1


def test_what_another_dispatcher_owns_is_left_to_it() -> None:
    runs = open_runs(SUBMITTED)

    assert not runs.take_overdue(NOON + HOUR, {1, 2}, 10)


def test_the_oldest_come_first_and_never_too_many() -> None:
    runs = open_runs(
        *(
            replace(
                SUBMITTED,
                metadata=replace(
                    METADATA,
                    entity_id=f"asset-{number}",
                    event_id=EventId(f"e-{number}"),
                    happened_at=NOON - number * timedelta(seconds=1),
                ),
            )
            for number in range(5)
        )
    )

    assert overdue(runs, NOON + HOUR, at_most=2) == ["e-4", "e-3"]


def test_the_sweeper_orders_again_at_the_end_of_the_log_and_only_now_and_then() -> None:
    sender = FakeSender()
    reader = FakeReader([], [record(encode(SUBMITTED), topic="asset-events"), record(b"junk")])
    now = NOON + HOUR
    sweeper = Sweeper(
        reader, sender, OpenRuns(HOUR), lambda: {0}, lambda: now, every=timedelta(minutes=1)
    )

    assert asyncio.run(sweeper.step()) == 0, "nothing is known yet"
    assert asyncio.run(sweeper.step()) == 0, "it was reading"
    assert asyncio.run(sweeper.step()) == 0, "it is too early"
    now += timedelta(minutes=1)
    assert asyncio.run(sweeper.step()) == 1
    assert asyncio.run(sweeper.step()) == 0, "it was swept just now"
    assert sender.on(IMAGE_JOBS) == [job_for(SUBMITTED)]
