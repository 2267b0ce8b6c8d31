"""The address guard: chooses the one public address that a hop may connect to."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from domain.source_url.addresses import Address, Network, is_public
from domain.source_url.parser import SourceRefused, SourceUrl, parse_international_url
from domain.values import TenantId
from infra.international_host_names import ascii_host_name
from streams.ingestion.fetcher.fetch_limits import FetchLimits
from streams.outbound_http.dns_resolver import Resolver
from streams.outbound_http.fetch_failures import FetchFailed


class AddressGuard:
    """Admits public addresses only, and exact ``host:port`` entries of ``allowed_origins``.

    Addresses in ``refused_networks`` count as not public.
    """

    def __init__(
        self,
        resolver: Resolver,
        limits: FetchLimits,
        allowed_origins: AbstractSet[str] = frozenset(),
        refused_networks: Sequence[Network] = (),
    ) -> None:
        self._resolver = resolver
        self._limits = limits
        self._allowed_origins = allowed_origins
        self._refused_networks = refused_networks

    def read(self, text: str) -> SourceUrl:
        """Parse a URL, its international name included; raise FetchFailed if it is refused."""
        try:
            return parse_international_url(
                text, self._allowed_origins, self._refused_networks, ascii_host_name
            )
        except SourceRefused as refused:
            raise FetchFailed(refused.code, refused.detail) from None

    async def pin(self, url: SourceUrl, tenant_id: TenantId) -> Address:
        """Look the host up once and return the address to connect to, or raise FetchFailed.

        ``tenant_id`` is whose look-up it is. One address that is not public condemns the whole
        name. The caller must connect to the returned number and never look the name up again.
        """
        is_admitted = url.origin in self._allowed_origins
        if url.address is None:
            addresses = await self._look_up(url, tenant_id, is_admitted=is_admitted)
        else:
            addresses = [url.address]
        if not is_admitted and not all(
            is_public(address, self._refused_networks) for address in addresses
        ):
            raise FetchFailed("blocked_address", "the host is not on the public internet")
        # IPv4 first: where IPv6 is half configured, packets vanish instead of being refused.
        return min(addresses, key=lambda address: address.version)

    async def _look_up(
        self, url: SourceUrl, tenant_id: TenantId, *, is_admitted: bool
    ) -> Sequence[Address]:
        # Absolute, so that no search domain of ours is tried; an admitted origin may need one.
        name = url.host if is_admitted else f"{url.host}."
        try:
            async with asyncio.timeout(self._limits.lookup_seconds):
                addresses = await self._resolver.lookup(name, tenant_id)
        except (OSError, UnicodeError):  # TimeoutError is an OSError
            raise FetchFailed("dns_failure", "the host name could not be looked up") from None
        if not 0 < len(addresses) <= self._limits.max_addresses:
            raise FetchFailed("dns_failure", "the host name has no usable set of addresses")
        return addresses
