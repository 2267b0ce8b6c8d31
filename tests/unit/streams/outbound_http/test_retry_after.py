from datetime import UTC, datetime

import pytest

from streams.outbound_http.retry_after import retry_after_seconds

NOON = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("Wed, 01 Jul 2026 12:01:30 GMT", 90.0),
        ("Wed, 01 Jul 2026 12:01:30 -0000", 90.0),
        ("Wed, 01 Jul 2026 11:00:00 GMT", 0.0),
    ],
)
def test_seconds_and_dates_are_understood(value: str, seconds: float) -> None:
    assert retry_after_seconds(value, NOON) == seconds


@pytest.mark.parametrize("value", [None, "", "soon", "-5", "1e9", "٣", "9" * 400, "Wed, 99 Jul"])
def test_anything_else_is_no_wish(value: str | None) -> None:
    assert retry_after_seconds(value, NOON) is None
