"""Wrapping a record that nobody could work on."""

from datetime import datetime
from hashlib import sha256

from domain.dead_letter import DeadLetter
from infra.kafka.partition_reader import Record

# A dead letter has to fit into a record itself, with all of these.
_LARGEST_VALUE_BYTES = 1_500_000
_LARGEST_KEY_BYTES = 50_000
_LONGEST_DETAIL = 10_000


def dead_letter(record: Record, code: str, detail: str, now: datetime) -> DeadLetter:
    """Wrap a record that nobody could work on.

    The end of a huge value is cut off; the letter then says how large the value was, and its
    digest.
    """
    is_cut = len(record.value) > _LARGEST_VALUE_BYTES
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key[:_LARGEST_KEY_BYTES],
        value=record.value[:_LARGEST_VALUE_BYTES],
        code=code,
        detail=_plain(detail[:_LONGEST_DETAIL]),
        parked_at=now,
        cut_from_bytes=len(record.value) if is_cut else 0,
        cut_from_sha256=sha256(record.value).hexdigest() if is_cut else "",
    )


def _plain(text: str) -> str:
    """Spell out what cannot be written as UTF-8: an exception may quote half a surrogate pair."""
    return text.encode(errors="backslashreplace").decode()
