import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from avro_schemas.codec import encode
from domain.asset.jobs import ImageJob
from infra.kafka.group_consumer import Partition
from infra.kafka.topics import IMAGE_JOBS, IMAGE_JOBS_DEAD_LETTERS, IMAGE_JOBS_RETRY_10S
from infra.settings import FetchSettings
from streams.ingestion.job_retries import job_retry_policy
from streams.runtime.retry_topics import RetryTopicConsumer
from tests.support.fakes.stream_fakes import FakeReader, FakeSender, record
from tests.support.samples import NOON
from tests.support.stream_samples import JOB


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
        policy = job_retry_policy(FetchSettings(max_attempts=4, retry_seconds=(10, 60, 600)))
        self.revoke: list[Callable[[list[Partition]], None]] = []
        self._redelivery = RetryTopicConsumer(
            policy.retry_topics[0],
            self._open,
            self.sender,
            policy,
            lambda: self.now,
            kind=ImageJob,
            dead_letters=IMAGE_JOBS_DEAD_LETTERS,
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

    assert tier.at(0).at(0).reader.is_paused
    assert tier.at(9).at(9).reader.is_paused is False
