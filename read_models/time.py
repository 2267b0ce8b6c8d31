"""Moments as views keep them: whole microseconds since 1970, and the names of days and months."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Count exactly; Cassandra's own timestamps end at milliseconds."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """Give the moment so many microseconds after the beginning of 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def day(moment: datetime) -> str:
    """Name the UTC date, as 2026-11-23; names sort as the days do."""
    in_utc = moment.astimezone(UTC)
    return _named(in_utc.year, in_utc.month, in_utc.day)


def month(moment: datetime) -> str:
    """Name the UTC month, as 2026-11; names sort as the months do."""
    in_utc = moment.astimezone(UTC)
    return _named(in_utc.year, in_utc.month)


@lru_cache(1_000)  # each event asks for some eight of them, and most for the same
def _named(year: int, *parts: int) -> str:
    return "-".join([f"{year:04}", *(f"{part:02}" for part in parts)])
