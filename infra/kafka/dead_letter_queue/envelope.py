"""The envelope of a dead letter: the record that could not be processed, and why."""

from datetime import datetime
from hashlib import sha256

from domain.dead_letter import DeadLetter
from infra.kafka.partition_reader import Record

# A dead letter has to fit into a record itself, with all of these.
_LARGEST_VALUE_BYTES = 1_500_000
_LARGEST_KEY_BYTES = 50_000
_LONGEST_DETAIL = 10_000


def dead_letter(record: Record, code: str, detail: str, now: datetime) -> DeadLetter:
    """Wrap a record that could not be processed.

    The end of a huge value is cut off; the dead letter then has its size and its digest.
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
    """Escape what UTF-8 cannot encode: an exception may quote half a surrogate pair."""
    return text.encode(errors="backslashreplace").decode()
