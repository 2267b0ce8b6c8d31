"""What nobody could work on: found, looked at, tried again or dropped.

Topics cannot let go of one record, so dead-letters.settled says which letters are done with.
"""

from infra.kafka.dead_letter_queue.dead_letter_log import KafkaDeadLetterLog
from infra.kafka.dead_letter_queue.entry import (
    DeadLetterCannotBeSent,
    DeadLetterEntry,
    DeadLetterFilter,
    DeadLetterNotFound,
    DeadLetterResolution,
)
from infra.kafka.dead_letter_queue.envelope import dead_letter
from infra.kafka.dead_letter_queue.queue import (
    BulkResolution,
    DeadLetterPage,
    DeadLetterQueue,
    resolve_dead_letters,
)
from infra.kafka.dead_letter_queue.retry import RetryRecord, retry_record

__all__ = [
    "BulkResolution",
    "DeadLetterCannotBeSent",
    "DeadLetterEntry",
    "DeadLetterFilter",
    "DeadLetterNotFound",
    "DeadLetterPage",
    "DeadLetterQueue",
    "DeadLetterResolution",
    "KafkaDeadLetterLog",
    "RetryRecord",
    "dead_letter",
    "resolve_dead_letters",
    "retry_record",
]
