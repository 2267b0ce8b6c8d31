"""Dead letters as operators work with them: found, looked at, retried or dropped.

Kafka cannot remove a single record, so the topic dead-letters.settled says which are resolved.
"""

from read_models.dead_letters.entry import (
    DeadLetterCannotBeSent,
    DeadLetterEntry,
    DeadLetterFilter,
)
from read_models.dead_letters.queue import (
    BulkResolution,
    DeadLetterPage,
    DeadLetterQueue,
    resolve_dead_letters,
)

__all__ = [
    "BulkResolution",
    "DeadLetterCannotBeSent",
    "DeadLetterEntry",
    "DeadLetterFilter",
    "DeadLetterPage",
    "DeadLetterQueue",
    "resolve_dead_letters",
]
