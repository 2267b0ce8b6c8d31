"""Dead letters as they are shown to an operator."""

import json
from base64 import b64encode
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from read_models.dead_letters import DeadLetterEntry

_SHOWN_BYTES = 10_000


class FailedAttemptAnswer(BaseModel):
    """One try that did not work out."""

    code: str
    detail: str
    failed_at: datetime


class DeadLetterAnswer(BaseModel):
    """A dead letter."""

    letter_id: str
    topic: str = Field(description="Where the record lay that nobody could work on.")
    partition: int
    offset: int
    code: str
    detail: str
    parked_at: datetime
    cut_from_bytes: int = Field(description="How large it was, if it was cut; 0 if it is whole.")
    tenant_id: str | None
    host: str | None
    kind: str | None = Field(description="What its bytes are; null when nobody can read them.")
    attempts: list[FailedAttemptAnswer]
    settled: Literal["retried", "dropped"] | None
    settled_at: datetime | None


class WholeDeadLetterAnswer(DeadLetterAnswer):
    """A dead letter with its bytes."""

    key: str
    value: str = Field(description="Its first 10 kB, base64.")
    message: dict[str, Any] | None = Field(description="What its bytes say.")


class DeadLettersAnswer(BaseModel):
    """Some dead letters; a page may be short and not the last: that has no `next`."""

    items: list[DeadLetterAnswer]
    next: str | None


class RefusedRetry(BaseModel):
    """A letter that was left alone."""

    letter_id: str
    detail: str


class RetriedAnswer(BaseModel):
    """What a retry of many came to."""

    retried: list[str]
    refused: list[RefusedRetry]
    next: str | None


def dead_letter_response(entry: DeadLetterEntry) -> dict[str, Any]:
    """Tell a letter without its bytes."""
    dead, resolution = entry.dead, entry.resolution
    attempts = getattr(entry.message, "failed_attempts", ())
    return {
        "letter_id": entry.letter_id,
        "topic": dead.topic,
        "partition": dead.partition,
        "offset": dead.offset,
        "code": dead.code,
        "detail": dead.detail,
        "parked_at": dead.parked_at,
        "cut_from_bytes": dead.cut_from_bytes,
        "tenant_id": entry.tenant_id,
        "host": entry.host,
        "kind": type(entry.message).__name__ if entry.message else None,
        "attempts": [asdict(attempt) for attempt in attempts],
        "settled": resolution.how if resolution else None,
        "settled_at": resolution.settled_at if resolution else None,
    }


def full_dead_letter_response(entry: DeadLetterEntry) -> dict[str, Any]:
    """Tell a letter with its bytes."""
    message = asdict(entry.message) if entry.message else None
    return {
        **dead_letter_response(entry),
        "key": entry.dead.key.decode(errors="replace"),
        "value": b64encode(entry.dead.value[:_SHOWN_BYTES]).decode(),
        "message": json.loads(json.dumps(message, default=str)),
    }
