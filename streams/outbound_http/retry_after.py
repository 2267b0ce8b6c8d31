"""The Retry-After header: seconds or a date."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,9}")


def retry_after_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """Return how long the origin wants us to wait, never negative; nothing if it is unclear."""
    if value is None:
        return None
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    if until.tzinfo is None:  # "-0000"; HTTP dates are in GMT anyway
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())
