from dataclasses import replace
from datetime import timedelta

import pytest

from domain.asset.jobs import ImageJob
from infra.kafka.topics import (
    IMAGE_JOBS,
    IMAGE_JOBS_RETRY_1M,
    IMAGE_JOBS_RETRY_10M,
    IMAGE_JOBS_RETRY_10S,
    Topic,
)
from streams.runtime.retry_policy import JobFailure, JobRetryPolicy
from tests.support.samples import NOON
from tests.support.stream_samples import JOB

POLICY = JobRetryPolicy(max_attempts=4, tier_seconds=(10.0, 60.0, 600.0))
TIMEOUT = JobFailure(code="timeout", detail="the source took too long", is_transient=True)
NO_IMAGE = JobFailure(code="not_an_image", detail="this is no image", is_transient=False)


def failed(job: ImageJob, times: int) -> ImageJob:
    for _ in range(times):
        again = POLICY.again(job, TIMEOUT, NOON, 0.5)
        assert again
        job = again[1]
    return job


@pytest.mark.parametrize(
    ("times", "tier", "seconds"),
    [(0, IMAGE_JOBS_RETRY_10S, 10), (1, IMAGE_JOBS_RETRY_1M, 60), (2, IMAGE_JOBS_RETRY_10M, 600)],
)
def test_each_failure_waits_longer(times: int, tier: Topic, seconds: int) -> None:
    again = POLICY.again(failed(JOB, times), TIMEOUT, NOON, 0.5)

    assert again
    assert again[0] == tier
    assert again[1].not_before == NOON + timedelta(seconds=seconds)
    assert len(again[1].failed_attempts) == times + 1


def test_a_job_remembers_why_it_failed() -> None:
    attempt = failed(JOB, 1).failed_attempts[0]

    assert (attempt.code, attempt.detail, attempt.failed_at) == ("timeout", TIMEOUT.detail, NOON)


def test_the_last_failure_is_the_end() -> None:
    assert POLICY.again(failed(JOB, 3), TIMEOUT, NOON, 0.5) is None


def test_a_failure_that_stays_is_not_tried_again() -> None:
    assert POLICY.again(JOB, NO_IMAGE, NOON, 0.5) is None


def test_jobs_that_failed_together_come_back_apart() -> None:
    waits = {
        again[1].not_before
        for jitter in (0.0, 0.5, 1.0)
        if (again := POLICY.again(JOB, TIMEOUT, NOON, jitter))
    }

    assert waits == {NOON + timedelta(seconds=seconds) for seconds in (8, 10, 12)}


def test_the_shortest_wait_of_a_tier_is_still_in_that_tier() -> None:
    again = POLICY.again(failed(JOB, 1), TIMEOUT, NOON, 0.0)

    assert again
    assert again[0] == IMAGE_JOBS_RETRY_1M


@pytest.mark.parametrize(
    ("asked", "waited", "tier"),
    [
        (3, 10, IMAGE_JOBS_RETRY_10S),
        (25, 25, IMAGE_JOBS_RETRY_10S),
        (120, 120, IMAGE_JOBS_RETRY_1M),
        (10**9, 3_600, IMAGE_JOBS_RETRY_10M),
    ],
)
def test_an_origin_may_ask_for_more_time_but_not_for_a_year(
    asked: float, waited: int, tier: Topic
) -> None:
    again = POLICY.again(JOB, replace(TIMEOUT, retry_after_seconds=asked), NOON, 0.5)

    assert again
    assert again[0] == tier
    assert again[1].not_before == NOON + timedelta(seconds=waited)


def test_putting_off_is_no_failed_attempt() -> None:
    topic, later = POLICY.later(JOB, NOON, 0.5)

    assert topic == IMAGE_JOBS_RETRY_10S
    assert later == replace(JOB, not_before=NOON + timedelta(seconds=10))


def test_a_job_leaves_its_tier_when_its_time_has_come() -> None:
    waiting = replace(JOB, not_before=NOON + timedelta(seconds=9))

    assert POLICY.due_at(IMAGE_JOBS_RETRY_10S, NOON, waiting) == waiting.not_before
    assert POLICY.next_topic(waiting, NOON + timedelta(seconds=9)) == IMAGE_JOBS


def test_a_job_that_has_to_wait_longer_than_its_tier_goes_round_again() -> None:
    waiting = replace(JOB, not_before=NOON + timedelta(seconds=25))
    leaves_at = POLICY.due_at(IMAGE_JOBS_RETRY_10S, NOON, waiting)

    assert leaves_at == NOON + timedelta(seconds=12)
    assert POLICY.next_topic(waiting, leaves_at) == IMAGE_JOBS_RETRY_10S
