from typing import get_args

import pytest

from domain.failures import FailureCode, is_transient
from streams.ingestion.fetcher import FetchFailed

TRANSIENT = {
    "dns_failure",
    "connect_failure",
    "timeout",
    "decoder_crashed",
    "decoder_timeout",
    "source_missing",
    "preset_missing",
    "internal",
}
PERMANENT = {
    *("blocked_address", "invalid_url", "tls_failure", "too_many_redirects"),
    "http_status",  # as long as nobody knows which status it was
    *("too_large", "not_an_image", "unsupported_format", "too_many_pixels", "too_many_frames"),
    *("corrupt_image", "duplicate"),
}


@pytest.mark.parametrize("code", get_args(FailureCode))
def test_every_code_is_either_transient_or_permanent(code: FailureCode) -> None:
    assert (code in TRANSIENT) != (code in PERMANENT), f"may {code} pass? say so here"
    assert is_transient(code) == (code in TRANSIENT)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_a_status_that_passes_is_transient(status: int) -> None:
    assert FetchFailed("http_status", "", status=status).is_transient


@pytest.mark.parametrize("status", [206, 304, 400, 401, 403, 404, 410, 451])
def test_a_status_that_stays_is_permanent(status: int) -> None:
    assert not FetchFailed("http_status", "", status=status).is_transient


def test_a_status_says_nothing_about_other_codes() -> None:
    assert not is_transient("too_large", 503)
