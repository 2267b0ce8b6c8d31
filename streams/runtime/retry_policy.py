"""When and where a job that did not work out is tried again."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.asset.jobs import FailedAttempt, ImageJob
from domain.failures import FailureCode
from domain.values import AssetId
from infra.kafka.topics import IMAGE_JOBS, RETRY_TIERS, Topic

_SPREAD = 0.2  # of the delay, either way: jobs that failed together come back one by one
_LONGEST_RETRY_AFTER_SECONDS = 3_600.0  # an origin may ask for a year


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailure:
    """Why one attempt did not work out; ``detail`` may be shown to the customer."""

    code: FailureCode
    detail: str
    is_transient: bool
    retry_after_seconds: float | None = None
    duplicate_of: AssetId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRetryPolicy:
    """How often a job is tried, and how long each tier holds it back.

    ``jitter`` is a random number from 0 to 1 throughout.
    """

    max_attempts: int
    tier_seconds: tuple[float, float, float]

    def again(
        self, job: ImageJob, failure: JobFailure, now: datetime, jitter: float
    ) -> tuple[Topic, ImageJob] | None:
        """Say where the job waits for its next attempt; None when it is given up.

        An origin's Retry-After is a lower bound, up to an hour.
        """
        attempts = len(job.failed_attempts) + 1
        if not failure.is_transient or attempts >= self.max_attempts:
            return None
        asked = min(failure.retry_after_seconds or 0.0, _LONGEST_RETRY_AFTER_SECONDS)
        delay = self.tier_seconds[min(attempts, len(self.tier_seconds)) - 1]
        attempt = FailedAttempt(code=failure.code, detail=failure.detail, failed_at=now)
        failed = replace(job, failed_attempts=(*job.failed_attempts, attempt))
        return self._held_back(failed, max(_spread(delay, jitter), asked), now)

    def later(self, job: ImageJob, now: datetime, jitter: float) -> tuple[Topic, ImageJob]:
        """Say where a job waits that could not be tried for reasons of ours."""
        return self._held_back(job, _spread(self.tier_seconds[0], jitter), now)

    def due_at(self, tier: Topic, held_since: datetime, job: ImageJob) -> datetime:
        """Say when a job leaves its tier: no later than the tier's delay, so that it blocks none.

        One that asked for more goes round again.
        """
        longest = self._tier_delay(tier) * (1 + _SPREAD)
        leaves_at = held_since + timedelta(seconds=longest)
        return min(job.not_before or leaves_at, leaves_at)

    def next_topic(self, job: ImageJob, now: datetime) -> Topic:
        """Say where a job goes that leaves a tier: to the workers, or to a tier again."""
        wait_seconds = (job.not_before - now).total_seconds() if job.not_before else 0.0
        return IMAGE_JOBS if wait_seconds <= 0 else self._tier_for(wait_seconds)

    def _held_back(
        self, job: ImageJob, wait_seconds: float, now: datetime
    ) -> tuple[Topic, ImageJob]:
        held = replace(job, not_before=now + timedelta(seconds=wait_seconds))
        return self._tier_for(wait_seconds), held

    def _tier_for(self, wait_seconds: float) -> Topic:
        """Find the longest tier that does not hold a job for longer than it has to wait."""
        fitting = [
            tier for tier in RETRY_TIERS if self._tier_delay(tier) * (1 - _SPREAD) <= wait_seconds
        ]
        return fitting[-1] if fitting else RETRY_TIERS[0]

    def _tier_delay(self, tier: Topic) -> float:
        return self.tier_seconds[RETRY_TIERS.index(tier)]


def _spread(seconds: float, jitter: float) -> float:
    return seconds * (1 - _SPREAD + 2 * _SPREAD * jitter)
