"""Download a source: URL in, bytes out, within limits, never from inside our network."""

from streams.fetching.failures import FetchFailed
from streams.fetching.fetcher import CacheValidators, FetchedSource, Fetcher
from streams.fetching.limits import FetchLimits
from streams.fetching.resolving import Resolver, SystemResolver

__all__ = [
    "CacheValidators",
    "FetchFailed",
    "FetchLimits",
    "FetchedSource",
    "Fetcher",
    "Resolver",
    "SystemResolver",
]
