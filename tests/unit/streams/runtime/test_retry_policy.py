from datetime import timedelta

import pytest

from infra.kafka.topics import (
    IMAGE_JOBS,
    IMAGE_JOBS_RETRY_1M,
    IMAGE_JOBS_RETRY_10M,
    IMAGE_JOBS_RETRY_10S,
    Topic,
)
from infra.settings import FetchSettings
from streams.ingestion.job_retries import job_retry_policy
from tests.support.samples import NOON

POLICY = job_retry_policy(FetchSettings(max_attempts=4, retry_seconds=(10.0, 60.0, 600.0)))
TIER_10S = POLICY.retry_topics[0]


@pytest.mark.parametrize(
    ("failures", "tier", "seconds"),
    [(0, IMAGE_JOBS_RETRY_10S, 10), (1, IMAGE_JOBS_RETRY_1M, 60), (2, IMAGE_JOBS_RETRY_10M, 600)],
)
def test_each_failure_waits_longer(failures: int, tier: Topic, seconds: int) -> None:
    retry_at = POLICY.retry_at(failures, None, NOON, 0.5)

    assert retry_at == NOON + timedelta(seconds=seconds)
    assert POLICY.retry_topic(retry_at, NOON) == tier


def test_the_last_failure_is_the_end() -> None:
    assert POLICY.retry_at(3, None, NOON, 0.5) is None


def test_the_last_delay_is_repeated_for_more_attempts_than_delays() -> None:
    many = job_retry_policy(FetchSettings(max_attempts=6, retry_seconds=(10.0, 60.0, 600.0)))

    assert many.retry_at(4, None, NOON, 0.5) == NOON + timedelta(seconds=600)
    assert many.retry_at(5, None, NOON, 0.5) is None


def test_jobs_that_failed_together_come_back_apart() -> None:
    moments = {POLICY.retry_at(0, None, NOON, jitter) for jitter in (0.0, 0.5, 1.0)}

    assert moments == {NOON + timedelta(seconds=seconds) for seconds in (8, 10, 12)}


def test_the_shortest_wait_of_a_tier_is_still_in_that_tier() -> None:
    retry_at = POLICY.retry_at(1, None, NOON, 0.0)

    assert retry_at
    assert POLICY.retry_topic(retry_at, NOON) == IMAGE_JOBS_RETRY_1M


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
    retry_at = POLICY.retry_at(0, asked, NOON, 0.5)

    assert retry_at == NOON + timedelta(seconds=waited)
    assert POLICY.retry_topic(retry_at, NOON) == tier


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 8), (0.5, 10), (1.0, 12)])
def test_a_postponed_job_waits_in_the_first_tier(jitter: float, seconds: int) -> None:
    until = POLICY.postponed_until(NOON, jitter)

    assert until == NOON + timedelta(seconds=seconds)
    assert POLICY.retry_topic(until, NOON) == IMAGE_JOBS_RETRY_10S


def test_a_job_leaves_its_tier_when_its_time_has_come() -> None:
    due = NOON + timedelta(seconds=9)

    assert TIER_10S.due_at(NOON, due) == due
    assert POLICY.next_topic(due, due) == IMAGE_JOBS


def test_a_job_that_has_to_wait_longer_than_its_tier_goes_round_again() -> None:
    due = NOON + timedelta(seconds=25)
    leaves_at = TIER_10S.due_at(NOON, due)

    assert leaves_at == NOON + timedelta(seconds=12)
    assert POLICY.next_topic(due, leaves_at) == IMAGE_JOBS_RETRY_10S
