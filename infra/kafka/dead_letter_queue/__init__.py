"""Dead letters as they lie in their topics, and the records that say what was done with them."""

from infra.kafka.dead_letter_queue.dead_letter_log import (
    DeadLetterNotFound,
    DeadLetterResolution,
    KafkaDeadLetterLog,
)
from infra.kafka.dead_letter_queue.envelope import dead_letter

__all__ = ["DeadLetterNotFound", "DeadLetterResolution", "KafkaDeadLetterLog", "dead_letter"]
