"""The topics: contents, partitions, retention."""

from dataclasses import dataclass
from typing import Literal

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
FOREVER_MS = -1

LARGEST_BATCH_BYTES = 2_000_000  # as a topic takes it, and as clients send and fetch it
LARGEST_RECORD_BYTES = 1_900_000  # the rest is for what surrounds a batch of one


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic as it must stand on the broker.

    ``retention_ms`` of FOREVER_MS marks a log that nothing may be removed from. ``batch_bytes`` is
    its ``max.message.bytes``: no record is too large for one topic that fits into another.
    """

    name: str
    partitions: int
    retention_ms: int
    cleanup: Literal["delete", "compact"] = "delete"
    is_transactional: bool = False
    batch_bytes: int = LARGEST_BATCH_BYTES

    @property
    def is_kept_forever(self) -> bool:
        """Whether losing a record of it would lose history."""
        return self.retention_ms == FOREVER_MS and self.cleanup == "delete"


ASSET_COMMANDS = Topic(name="asset-commands", partitions=12, retention_ms=7 * DAY_MS)
CATEGORY_COMMANDS = Topic(name="category-commands", partitions=3, retention_ms=7 * DAY_MS)
ASSET_EVENTS = Topic(
    name="asset-events", partitions=12, retention_ms=FOREVER_MS, is_transactional=True
)
CATEGORY_EVENTS = Topic(
    name="category-events", partitions=3, retention_ms=FOREVER_MS, is_transactional=True
)
OPERATION_COMMANDS = Topic(name="operation-commands", partitions=3, retention_ms=7 * DAY_MS)
OPERATION_EVENTS = Topic(
    name="operation-events", partitions=3, retention_ms=FOREVER_MS, is_transactional=True
)
COMMAND_RESULTS = Topic(
    name="command-results", partitions=12, retention_ms=HOUR_MS, is_transactional=True
)
IMAGE_JOBS = Topic(name="image-jobs", partitions=12, retention_ms=7 * DAY_MS)
IMAGE_JOBS_RETRY_10S = Topic(name="image-jobs.retry-10s", partitions=12, retention_ms=7 * DAY_MS)
IMAGE_JOBS_RETRY_1M = Topic(name="image-jobs.retry-1m", partitions=12, retention_ms=7 * DAY_MS)
IMAGE_JOBS_RETRY_10M = Topic(name="image-jobs.retry-10m", partitions=12, retention_ms=7 * DAY_MS)
IMAGE_JOBS_DEAD_LETTERS = Topic(
    name="image-jobs.dead-letters", partitions=12, retention_ms=30 * DAY_MS
)
DISCARDED_BLOBS = Topic(
    name="discarded-blobs", partitions=12, retention_ms=7 * DAY_MS, is_transactional=True
)
PROJECTIONS_DEAD_LETTERS = Topic(
    name="projections.dead-letters", partitions=3, retention_ms=30 * DAY_MS
)
COMMANDS_DEAD_LETTERS = Topic(name="commands.dead-letters", partitions=3, retention_ms=30 * DAY_MS)
DEAD_LETTERS_SETTLED = Topic(  # kept longer than the letters that it speaks of
    name="dead-letters.settled", partitions=1, retention_ms=60 * DAY_MS
)
API_KEYS = Topic(name="api-keys", partitions=1, retention_ms=FOREVER_MS, cleanup="compact")
GROUP_OFFSETS = Topic(
    name="group-offsets", partitions=1, retention_ms=FOREVER_MS, cleanup="compact"
)
WEBHOOK_ENDPOINTS = Topic(
    name="webhook-endpoints", partitions=1, retention_ms=FOREVER_MS, cleanup="compact"
)
WEBHOOK_DELIVERIES = Topic(name="webhook-deliveries", partitions=12, retention_ms=7 * DAY_MS)
WEBHOOK_HOLD_1S = Topic(name="webhook-deliveries.hold-1s", partitions=3, retention_ms=7 * DAY_MS)
WEBHOOK_HOLD_10S = Topic(name="webhook-deliveries.hold-10s", partitions=3, retention_ms=7 * DAY_MS)
WEBHOOK_HOLD_1M = Topic(name="webhook-deliveries.hold-1m", partitions=3, retention_ms=7 * DAY_MS)
WEBHOOK_HOLD_10M = Topic(name="webhook-deliveries.hold-10m", partitions=3, retention_ms=7 * DAY_MS)
WEBHOOK_HOLD_1H = Topic(name="webhook-deliveries.hold-1h", partitions=3, retention_ms=7 * DAY_MS)
WEBHOOK_ATTEMPTS = Topic(name="webhook-attempts", partitions=3, retention_ms=7 * DAY_MS)
WEBHOOK_REDELIVERIES = Topic(name="webhook-redeliveries", partitions=3, retention_ms=7 * DAY_MS)
WEBHOOKS_DEAD_LETTERS = Topic(name="webhooks.dead-letters", partitions=3, retention_ms=30 * DAY_MS)

DEAD_LETTERS = (
    IMAGE_JOBS_DEAD_LETTERS,
    PROJECTIONS_DEAD_LETTERS,
    COMMANDS_DEAD_LETTERS,
    WEBHOOKS_DEAD_LETTERS,
)
WEBHOOK_HOLDS = (
    WEBHOOK_HOLD_1S,
    WEBHOOK_HOLD_10S,
    WEBHOOK_HOLD_1M,
    WEBHOOK_HOLD_10M,
    WEBHOOK_HOLD_1H,
)
RETRY_TIERS = (IMAGE_JOBS_RETRY_10S, IMAGE_JOBS_RETRY_1M, IMAGE_JOBS_RETRY_10M)

TOPICS = (
    ASSET_COMMANDS,
    CATEGORY_COMMANDS,
    ASSET_EVENTS,
    CATEGORY_EVENTS,
    OPERATION_COMMANDS,
    OPERATION_EVENTS,
    COMMAND_RESULTS,
    IMAGE_JOBS,
    *RETRY_TIERS,
    DISCARDED_BLOBS,
    *DEAD_LETTERS,
    DEAD_LETTERS_SETTLED,
    API_KEYS,
    GROUP_OFFSETS,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_DELIVERIES,
    *WEBHOOK_HOLDS,
    WEBHOOK_ATTEMPTS,
    WEBHOOK_REDELIVERIES,
)
