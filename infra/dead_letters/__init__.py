"""What nobody could work on: found, looked at, tried again or dropped.

Topics cannot let go of one record, so dead-letters.settled says which letters are done with.
"""

from infra.dead_letters.letter_log import KafkaLetterLog
from infra.dead_letters.letters import (
    DeadLetterCannotBeSent,
    DeadLetterNotFound,
    Letter,
    LetterFilter,
    Settlement,
)
from infra.dead_letters.parking import dead_letter
from infra.dead_letters.sending_again import Again, sent_again
from infra.dead_letters.shelf import LetterSender, Page, Shelf

__all__ = [
    "Again",
    "DeadLetterCannotBeSent",
    "DeadLetterNotFound",
    "KafkaLetterLog",
    "Letter",
    "LetterFilter",
    "LetterSender",
    "Page",
    "Settlement",
    "Shelf",
    "dead_letter",
    "sent_again",
]
