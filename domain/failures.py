"""Failure codes: why a source became no picture, and whether a retry may help."""

from typing import Literal

FailureCode = Literal[
    "blocked_address",
    "invalid_url",
    "dns_failure",
    "connect_failure",
    "tls_failure",
    "too_many_redirects",
    "http_status",
    "timeout",
    "too_large",
    "not_an_image",
    "unsupported_format",
    "too_many_pixels",
    "too_many_frames",
    "corrupt_image",
    "decoder_crashed",
    "decoder_timeout",
    "duplicate",
    "source_missing",
    "preset_missing",
    "internal",
]

_TRANSIENT: frozenset[FailureCode] = frozenset(
    {
        "dns_failure",
        "connect_failure",
        "timeout",
        "decoder_crashed",  # may have died of its neighbours' hunger for memory
        "decoder_timeout",  # the machine may have been busy
        "source_missing",  # where the bytes are kept may be put right
        "preset_missing",  # a worker of the next release may know it
        "internal",
    },
)
_TRANSIENT_STATUSES = frozenset({408, 425, 429})
_SERVER_ERROR = 500


def is_transient(code: FailureCode, status: int | None = None) -> bool:
    """Tell whether the same source may work later.

    ``status`` is the origin's HTTP status and matters for ``http_status`` only: 408, 425, 429
    and 5xx pass, everything else stays.
    """
    if code == "http_status" and status is not None:
        return status in _TRANSIENT_STATUSES or status >= _SERVER_ERROR
    return code in _TRANSIENT
