"""Limits of a download."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """Bounds of one download.

    ``deadline_seconds`` covers everything: waiting for a slot, look-ups, redirects, the body.
    ``max_header_bytes`` bounds one answer up to the end of its headers. ``max_per_host`` is how
    many downloads one host sees from this process at once, ``per_host_per_second`` how many begin
    (None: as many as come).
    After a tenant failed ``breaker_failures`` times in a row to reach an origin, it leaves that
    alone for ``breaker_seconds``.
    """

    deadline_seconds: float = 20.0
    lookup_seconds: float = 5.0
    connect_seconds: float = 3.0
    max_redirects: int = 3
    max_body_bytes: int = 20_000_000
    max_header_bytes: int = 65_536
    max_addresses: int = 32
    max_per_host: int = 6
    per_host_per_second: float | None = None
    breaker_failures: int = 5
    breaker_seconds: float = 30.0
    user_agent: str = "ScaleHoster/0.1 (image fetcher)"
