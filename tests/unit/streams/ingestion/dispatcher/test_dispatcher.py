import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from avro_schemas.codec import encode
from domain.asset.events import AssetEvent, AssetRestored, AssetSourceReplaced, AssetSubmitted
from domain.asset.jobs import ImageJob, job_for
from domain.dead_letter import DeadLetter
from infra.errors import BrokerUnavailable
from infra.kafka.topics import IMAGE_JOBS, IMAGE_JOBS_DEAD_LETTERS
from streams.ingestion.dispatcher.dispatcher import Dispatcher
from streams.ingestion.dispatcher.fair_scheduler import AdmissionLimits, FairScheduler
from tests.support.fakes.stream_fakes import FakeFinder, FakeReader, FakeSender, away, record
from tests.support.samples import CAT_PICTURE, NOON, ORIGINAL, SHOWN
from tests.support.stream_samples import (
    CONFIRMED,
    DELETED,
    FACE,
    METADATA,
    REFRESHING,
    REJECTED,
    REPLACED,
    REPROCESSING,
    RESTORED,
    SUBMITTED,
    insert,
    rejection,
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


def test_a_refresh_fetches_the_source_and_knows_what_is_shown() -> None:
    job = job_for(REFRESHING)

    assert job
    assert (job.source, job.original, job.picture, job.run) == (CAT_PICTURE, None, SHOWN, 2)
    assert job.is_bulk


@pytest.mark.parametrize("event", [SUBMITTED, RESTORED, REPLACED, REPROCESSING, REFRESHING])
def test_a_run_is_told_where_to_cut(event: AssetEvent) -> None:
    job = job_for(event)

    assert job
    assert job.focal_point == FACE


@pytest.mark.parametrize(
    "event", [CONFIRMED, DELETED, REJECTED, replace(RESTORED, starts_run=False)]
)
def test_other_events_ask_for_no_work(event: AssetEvent) -> None:
    assert job_for(event) is None


def dispatched(
    *values: bytes, reader: FakeReader | None = None, finder: FakeFinder | None = None
) -> tuple[FakeSender, FakeReader]:
    sender = FakeSender()
    records = [
        record(value, topic="asset-events", offset=offset) for offset, value in enumerate(values)
    ]
    reader = reader or FakeReader(records)
    asyncio.run(dispatching(reader, sender, finder).step())
    return sender, reader


def dispatching(
    reader: FakeReader, sender: FakeSender, finder: FakeFinder | None = None, limit: int = 100
) -> Dispatcher:
    turns = FairScheduler(AdmissionLimits(per_tenant=limit, bulk=limit, lease=timedelta(hours=1)))
    return Dispatcher(reader.open, finder or FakeFinder([]), sender, turns, lambda: NOON)


def test_events_become_jobs_and_count_as_read() -> None:
    sender, reader = dispatched(
        encode(insert("a")), encode(DELETED), encode(insert("b", is_bulk=True))
    )

    jobs = [job for job in sender.on(IMAGE_JOBS) if isinstance(job, ImageJob)]
    assert [(job.asset_id, job.is_bulk) for job in jobs] == [("a", False), ("b", True)]
    assert [key for _, key, _ in sender.sent] == ["a", "b"]
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
    asyncio.run(dispatching(reader, sender).step())

    assert reader.committed


def test_an_offset_that_cannot_be_committed_stops_nothing() -> None:
    def fail() -> None:
        raise away()

    reader = FakeReader([record(encode(SUBMITTED), topic="asset-events")], commits=fail)
    sender, _ = dispatched(reader=reader)

    assert sender.sent
    assert not reader.committed


class Log:
    """A log with one partition, and dispatchers that begin where the last one committed."""

    def __init__(self, *events: AssetEvent) -> None:
        self.records = [
            record(encode(event), topic="asset-events", offset=offset)
            for offset, event in enumerate(events)
        ]
        self.committed = 0
        self.ordered: list[str] = []

    def tell(self, event: AssetEvent) -> None:
        self.records.append(record(encode(event), topic="asset-events", offset=len(self.records)))

    def live(self, steps: int, *, limit: int = 1) -> list[str]:
        """Run a dispatcher for so many steps, kill it, and name what it ordered."""
        reader = FakeReader(*([each] for each in self.records[self.committed :]))
        reader.is_behind = True
        sender = FakeSender()
        dispatcher = dispatching(reader, sender, FakeFinder(self.records), limit)
        for _ in range(steps):
            reader.is_behind = bool(reader.batches) and reader.is_behind
            asyncio.run(dispatcher.step())
        self.committed = reader.committed.get(("asset-events", 0), self.committed)
        ordered: list[str] = [
            job.asset_id for job in sender.on(IMAGE_JOBS) if isinstance(job, ImageJob)
        ]
        self.ordered += ordered
        return ordered


def test_nothing_is_ordered_before_all_that_happened_is_known() -> None:
    log = Log(insert("a"), insert("b"), rejection(insert("a")))

    assert log.live(2) == []
    assert log.live(4) == ["b"], "a ended meanwhile"
    assert log.committed == 3


def test_what_waits_is_not_lost_when_the_dispatcher_is_killed_at_any_step() -> None:
    names = [f"asset-{number}" for number in range(6)]
    log = Log(*map(insert, names))

    for _ in range(20):
        for asset_id in log.live(len(log.records) - log.committed + 1):
            log.tell(rejection(insert(asset_id)))

    assert log.ordered == names, "one after the other, and none twice"
    assert log.committed == len(log.records)


def test_events_count_as_read_only_up_to_the_first_that_waits() -> None:
    log = Log(insert("a"), insert("b"), insert("c", "globex"))

    assert log.live(4) == ["a", "c"]
    assert log.committed == 1


def test_a_turn_that_could_not_be_used_comes_again() -> None:
    log = Log(insert("a"), insert("b"))
    reader, sender = FakeReader(log.records), FakeSender()
    finder = FakeFinder(log.records, away())
    dispatcher = dispatching(reader, sender, finder, limit=1)
    asyncio.run(dispatcher.step())
    reader.batches.append([record(encode(rejection(insert("a"))), topic="asset-events", offset=2)])

    with pytest.raises(BrokerUnavailable):
        asyncio.run(dispatcher.step())
    asyncio.run(dispatcher.step())

    assert [key for _, key, _ in sender.sent] == ["a", "b"]


def test_what_another_dispatcher_owns_now_is_left_to_it() -> None:
    log = Log(insert("a"), insert("b"))
    reader, sender = FakeReader(log.records), FakeSender()
    dispatcher = dispatching(reader, sender, FakeFinder(log.records), limit=1)
    asyncio.run(dispatcher.step())

    reader.revoke([("asset-events", 0)])
    reader.batches.append(
        [record(encode(rejection(insert("a"))), topic="asset-events", partition=1)]
    )
    asyncio.run(dispatcher.step())

    assert [key for _, key, _ in sender.sent] == ["a"]
    assert set(dispatcher.enqueued_up_to) == {1}
