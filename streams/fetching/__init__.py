"""Download a source: URL in, bytes out, within limits, never from inside our network."""

from streams.fetching.failures import FetchFailed
from streams.fetching.fetcher import Conditional, Fetched, Fetcher
from streams.fetching.limits import FetchLimits
from streams.fetching.resolving import Resolver, SystemResolver

__all__ = [
    "Conditional",
    "FetchFailed",
    "FetchLimits",
    "Fetched",
    "Fetcher",
    "Resolver",
    "SystemResolver",
]
