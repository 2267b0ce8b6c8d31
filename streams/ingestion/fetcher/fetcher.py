"""The fetcher of one source: hop by hop, each judged anew, all under one deadline."""

import asyncio
import hashlib
import re
import ssl
import time
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from domain.source_url.addresses import Network
from domain.source_url.parser import SourceUrl
from domain.values import TenantId
from streams.ingestion.fetcher.circuit_breakers import CircuitBreakers
from streams.ingestion.fetcher.fetch_limits import FetchLimits
from streams.ingestion.fetcher.redirects import next_hop
from streams.ingestion.fetcher.response_body import DownloadedBody, receive_body
from streams.outbound_http.address_guard import AddressGuard
from streams.outbound_http.dns_resolver import Resolver
from streams.outbound_http.fetch_failures import FetchFailed
from streams.outbound_http.http_exchange import OriginResponse, exchange
from streams.outbound_http.keyed_rate_limit import KeyedRateLimit

_NOT_MODIFIED = 304
_NOTHING = DownloadedBody(size_bytes=0, sha256=hashlib.sha256().hexdigest())
_MAX_KEPT_LENGTH = 1024
_ENTITY_TAG = re.compile(r'(W/)?"[!#-~]*"')


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheValidators:
    """What we know from an earlier download, to be spared an unchanged body.

    It is about ``url`` alone, where that download ended: no other is asked whether it changed.
    """

    url: str
    etag: str | None
    last_modified: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedSource:
    """A source that was downloaded, or (``not_modified``) that is as it was.

    ``content_type_claimed`` is what the origin says, not what the bytes are. Without a body,
    ``size_bytes`` is 0 and ``sha256`` that of nothing.
    """

    final_url: str
    status: int
    etag: str | None
    last_modified: str | None
    content_type_claimed: str | None
    duration_ms: int
    size_bytes: int
    sha256: str
    not_modified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Download:
    """One download under way: for whom, into which file, and the origins it came by."""

    tenant_id: TenantId
    into: Path
    conditional: CacheValidators | None
    visited: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def circuit(self, authority: str) -> str:
        """Name the breaker of an origin: one for each tenant.

        A tenant can make its own visits to an origin fail, by URLs there that hang or by silent
        names that take its look-ups. No other is kept away from the origin by that.
        """
        return f"{self.tenant_id} {authority}"


class Fetcher:
    """Downloads sources; one per process, used by many tasks at once.

    Every connection goes to an address that was looked up once for this hop and found public,
    or belongs to an exact ``host:port`` of ``allowed_origins``; what lies in ``refused_networks``
    counts as not public. Nothing is taken from the
    environment's proxies, no cookies or credentials are sent, no connection is used twice.
    """

    def __init__(
        self,
        resolver: Resolver,
        limits: FetchLimits,
        allowed_origins: AbstractSet[str] = frozenset(),
        tls: ssl.SSLContext | None = None,
        refused_networks: Sequence[Network] = (),
    ) -> None:
        self._limits = limits
        self._guard = AddressGuard(resolver, limits, allowed_origins, refused_networks)
        self._slots = KeyedRateLimit(limits.max_per_host, limits.per_host_per_second)
        self._breakers = CircuitBreakers(limits.breaker_failures, limits.breaker_seconds)
        self._tls = tls or ssl.create_default_context()
        self._tls.set_alpn_protocols(["http/1.1"])

    @property
    def closed_origins(self) -> int:
        """Count the origins that are left alone, because they could not be reached lately."""
        return self._breakers.open_count

    async def fetch(
        self,
        url: str,
        *,
        tenant_id: TenantId,
        into: Path,
        conditional: CacheValidators | None = None,
    ) -> FetchedSource:
        """Download the URL into the file, or raise FetchFailed within the deadline.

        ``tenant_id`` is on whose behalf: it takes a share of that tenant's look-ups. A 304 that was
        not asked for is a failure like any other status.

        The file exists afterwards only if a body was received whole; on failure and on
        cancellation it is removed and every socket closed. OSError means that the file could
        not be written.
        """
        download = _Download(tenant_id=tenant_id, into=into, conditional=conditional)
        try:
            with _whole_or_gone(into):
                async with asyncio.timeout(self._limits.deadline_seconds):
                    return await self._follow(url, download)
        except TimeoutError:
            if download.visited:
                self._breakers.record_timeout(download.circuit(download.visited[-1]))
            raise FetchFailed("timeout", "the source took too long") from None

    async def _follow(self, text: str, download: _Download) -> FetchedSource:
        url = self._guard.read(text)
        for _ in range(self._limits.max_redirects + 1):
            async with self._slots.slot(url.host):
                download.visited.append(url.authority)
                with self._breakers.visit(download.circuit(url.authority)):
                    arrived = await self._hop(url, download)
            if isinstance(arrived, FetchedSource):
                return arrived
            url = arrived
        raise FetchFailed(
            "too_many_redirects",
            f"the source redirects more than {self._limits.max_redirects} times",
        )

    async def _hop(self, url: SourceUrl, download: _Download) -> FetchedSource | SourceUrl:
        address = await self._guard.pin(url, download.tenant_id)
        validators = _validators(download.conditional, url)
        headers = {**self._headers(), **validators}
        async with exchange(url, address, headers, tls=self._tls, limits=self._limits) as answer:
            following = next_hop(url, answer, self._guard)
            if following is not None:
                return following
            is_unchanged = bool(validators) and answer.status == _NOT_MODIFIED
            body = _NOTHING
            if not is_unchanged:
                body = await receive_body(answer, download.into, self._limits.max_body_bytes)
            return _fetched(url, answer, body, download.started)

    def _headers(self) -> dict[str, str]:
        return {
            "User-Agent": self._limits.user_agent,
            "Accept": "image/*, */*;q=0.1",
            "Accept-Encoding": "identity",  # a compressed body is a second bomb
            "Connection": "close",
        }


def _validators(conditional: CacheValidators | None, url: SourceUrl) -> dict[str, str]:
    """Ask whether it changed; what is no entity tag, such as *, could be true of anything."""
    headers: dict[str, str] = {}
    if conditional is None or conditional.url != str(url):
        return headers
    if conditional.etag and _ENTITY_TAG.fullmatch(conditional.etag):
        headers["If-None-Match"] = conditional.etag
    if conditional.last_modified:
        headers["If-Modified-Since"] = conditional.last_modified
    return headers


@contextmanager
def _whole_or_gone(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _fetched(
    url: SourceUrl, answer: OriginResponse, body: DownloadedBody, started: float
) -> FetchedSource:
    return FetchedSource(
        final_url=str(url),
        status=answer.status,
        etag=_kept(answer, "etag"),
        last_modified=_kept(answer, "last-modified"),
        content_type_claimed=_kept(answer, "content-type"),
        duration_ms=round((time.monotonic() - started) * 1000),
        size_bytes=body.size_bytes,
        sha256=body.sha256,
        not_modified=answer.status == _NOT_MODIFIED,
    )


def _kept(answer: OriginResponse, name: str) -> str | None:
    """Return a header that is short and plain enough to be kept in an event for ever."""
    value = answer.value(name)
    if not value or len(value) > _MAX_KEPT_LENGTH:
        return None
    return value if value.isascii() and value.isprintable() else None
