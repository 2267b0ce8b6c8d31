"""The Prefer header (RFC 7240): how long a client wants to wait for the decision."""

from dataclasses import dataclass

_MAX_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitPreference:
    """How long to wait, and what to name in Preference-Applied when the wait ran out."""

    wait_seconds: float
    applied: str | None


def preference(header: str, default_seconds: float) -> WaitPreference:
    """Read ``respond-async`` and ``wait=n``; whatever else it says is passed over.

    ``default_seconds`` is also the longest wait. Both together mean: wait n, then answer 202.
    """
    tokens = [token.strip().lower() for token in header.split(",")]
    waits = [token.removeprefix("wait=") for token in tokens if token.startswith("wait=")]
    for digits in waits:
        if digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS:
            seconds = min(float(digits), default_seconds)
            return WaitPreference(wait_seconds=seconds, applied=f"wait={digits}")
    if "respond-async" in tokens:
        return WaitPreference(wait_seconds=0.0, applied="respond-async")
    return WaitPreference(wait_seconds=default_seconds, applied=None)
