"""What nobody could work on: found, looked at, tried again or dropped.

Topics cannot let go of one record, so dead-letters.settled says which letters are done with.
"""

from infra.dead_letters.letter_log import KafkaDeadLetterLog
from infra.dead_letters.letters import (
    DeadLetterCannotBeSent,
    DeadLetterEntry,
    DeadLetterFilter,
    DeadLetterNotFound,
    DeadLetterResolution,
)
from infra.dead_letters.parking import dead_letter
from infra.dead_letters.sending_again import RetryRecord, retry_record
from infra.dead_letters.shelf import DeadLetterPage, DeadLetterQueue, DeadLetterSender

__all__ = [
    "DeadLetterCannotBeSent",
    "DeadLetterEntry",
    "DeadLetterFilter",
    "DeadLetterNotFound",
    "DeadLetterPage",
    "DeadLetterQueue",
    "DeadLetterResolution",
    "DeadLetterSender",
    "KafkaDeadLetterLog",
    "RetryRecord",
    "dead_letter",
    "retry_record",
]
