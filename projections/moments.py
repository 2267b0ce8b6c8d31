"""Moments as views keep them: whole microseconds since 1970, and the names of days and months."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Count exactly; Cassandra's own timestamps end at milliseconds."""
    return (moment - _EPOCH) // _TICK


def day(moment: datetime) -> str:
    """Name the UTC date, as 2026-11-23; names sort as the days do."""
    return moment.astimezone(UTC).isoformat()[:10]


def month(moment: datetime) -> str:
    """Name the UTC month, as 2026-11; names sort as the months do."""
    return moment.astimezone(UTC).isoformat()[:7]
