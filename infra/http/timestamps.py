"""Timestamps in requests and responses: ISO 8601, in UTC where no offset is given."""

from datetime import UTC, datetime

TIMESTAMP_HINT = "send a date like 2026-11-23 or a time like 2026-11-23T09:30:00Z"


def parse_timestamp(text: str) -> datetime:
    """Read a date or a time; raises ValueError with a hint for the sender."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(TIMESTAMP_HINT) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_in_utc(value: object) -> object:
    """Read a text as a moment in UTC, and leave anything else to pydantic; raises ValueError."""
    if not isinstance(value, str):
        return value
    try:
        return parse_timestamp(value).astimezone(UTC)
    except OverflowError:  # in UTC it lies before the year 1, or after 9999
        raise ValueError(TIMESTAMP_HINT) from None


def format_timestamp(moment: datetime) -> str:
    """Write a moment; UTC as ``Z``."""
    return moment.isoformat().replace("+00:00", "Z")
