"""The fetcher: downloads a source within limits, never from inside our network."""

from streams.ingestion.fetcher.fetch_limits import FetchLimits
from streams.ingestion.fetcher.fetcher import CacheValidators, FetchedSource, Fetcher
from streams.outbound_http.dns_resolver import Resolver, SystemResolver
from streams.outbound_http.fetch_failures import FetchFailed

__all__ = [
    "CacheValidators",
    "FetchFailed",
    "FetchLimits",
    "FetchedSource",
    "Fetcher",
    "Resolver",
    "SystemResolver",
]
