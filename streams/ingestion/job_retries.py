"""The retry policy of image jobs: three retry topics, each for one of the configured delays."""

from infra.kafka.topics import IMAGE_JOBS, RETRY_TIERS
from infra.settings import FetchSettings
from streams.runtime.retry_policy import SPREAD, RetryPolicy, RetryTopic


def job_retry_policy(settings: FetchSettings) -> RetryPolicy:
    """Return the policy; the last delay is repeated when there are more attempts than delays."""
    delays = settings.retry_seconds
    return RetryPolicy(
        work_topic=IMAGE_JOBS,
        retry_topics=[
            RetryTopic(
                topic=tier,
                shortest_seconds=delay * (1 - SPREAD),
                longest_seconds=delay * (1 + SPREAD),
            )
            for tier, delay in zip(RETRY_TIERS, delays, strict=True)
        ],
        delays=[delays[min(n, len(delays) - 1)] for n in range(settings.max_attempts - 1)],
    )
