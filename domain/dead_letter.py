"""A dead letter: a record that could not be processed, kept for the operators."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record nobody could work on, exactly as it was, and why.

    A value that is too large to be kept whole is cut: ``cut_from_bytes`` and ``cut_from_sha256``
    then tell the size and the digest of all of it.
    """

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    code: str
    detail: str
    parked_at: datetime
    cut_from_bytes: int = 0
    cut_from_sha256: str = ""
