"""The retry policy of webhook deliveries: five retry topics whose names say how long they hold."""

from collections.abc import Sequence

from infra.kafka.topics import WEBHOOK_DELIVERIES, WEBHOOK_HOLDS
from streams.runtime.retry_policy import RetryPolicy, RetryTopic

_HOLD_SECONDS = (1.0, 10.0, 60.0, 600.0, 3_600.0)


def delivery_retry_policy(retry_seconds: Sequence[float]) -> RetryPolicy:
    """Return the policy; what waits for longer than any retry topic holds goes round again."""
    return RetryPolicy(
        work_topic=WEBHOOK_DELIVERIES,
        retry_topics=[
            RetryTopic(topic=hold, shortest_seconds=seconds, longest_seconds=seconds)
            for hold, seconds in zip(WEBHOOK_HOLDS, _HOLD_SECONDS, strict=True)
        ],
        delays=retry_seconds,
    )
