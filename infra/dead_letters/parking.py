"""Wrapping a record that nobody could work on."""

from datetime import datetime

from domain.jobs import DeadLetter
from infra.reading import Record

_LARGEST_VALUE_BYTES = 900_000  # a dead letter has to fit into a record itself


def dead_letter(record: Record, code: str, detail: str, now: datetime) -> DeadLetter:
    """Wrap a record that nobody could work on; the end of a huge value is cut off."""
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value[:_LARGEST_VALUE_BYTES],
        code=code,
        detail=detail,
        parked_at=now,
    )
