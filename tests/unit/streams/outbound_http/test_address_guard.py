import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from domain.source_url.addresses import Address
from domain.values import TenantId
from streams.ingestion.fetcher import FetchFailed, FetchLimits, Resolver
from streams.outbound_http.address_guard import AddressGuard
from tests.support.fakes.fetcher_fakes import FakeResolver
from tests.support.samples import ACME

PUBLIC = "93.184.216.34"
ALSO_PUBLIC = "2606:4700:4700::1111"


def pin(url: str, resolver: Resolver, *allowed_origins: str) -> str:
    guard = AddressGuard(
        resolver, FetchLimits(lookup_seconds=0.05, max_addresses=4), set(allowed_origins)
    )
    return str(asyncio.run(guard.pin(guard.read(url), ACME)))


def failure(url: str, resolver: Resolver) -> str:
    with pytest.raises(FetchFailed) as failed:
        pin(url, resolver)
    return failed.value.code


def test_a_public_name_is_pinned_to_its_address_with_one_absolute_lookup() -> None:
    resolver = FakeResolver({"example.com.": [PUBLIC]})
    assert pin("http://example.com/", resolver) == PUBLIC
    assert resolver.asked == ["example.com."]


def test_an_address_is_not_looked_up() -> None:
    resolver = FakeResolver()
    assert pin(f"http://{PUBLIC}/", resolver) == PUBLIC
    assert resolver.asked == []


def test_ipv4_is_preferred() -> None:
    assert (
        pin("http://example.com/", FakeResolver({"example.com.": [ALSO_PUBLIC, PUBLIC]})) == PUBLIC
    )


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        [PUBLIC, "127.0.0.1"],
        [PUBLIC, "::1"],
        [PUBLIC, "fe80::1%eth0"],
        ["10.0.0.1", PUBLIC],
        ["64:ff9b::a9fe:a9fe"],
        ["::ffff:127.0.0.1"],
    ],
)
def test_one_address_inside_condemns_the_name(addresses: list[str]) -> None:
    resolver = FakeResolver({"127.0.0.1.nip.io.": addresses})
    assert failure("http://127.0.0.1.nip.io/", resolver) == "blocked_address"


def test_a_name_that_nobody_knows_is_a_dns_failure() -> None:
    assert failure("http://example.com/", FakeResolver()) == "dns_failure"


def test_a_name_without_addresses_is_a_dns_failure() -> None:
    assert failure("http://example.com/", FakeResolver({"example.com.": []})) == "dns_failure"


def test_a_name_with_too_many_addresses_is_a_dns_failure() -> None:
    resolver = FakeResolver({"example.com.": [PUBLIC] * 5})
    assert failure("http://example.com/", resolver) == "dns_failure"


def test_a_silent_resolver_is_a_dns_failure() -> None:
    class Silent:
        async def lookup(self, host: str, tenant_id: TenantId) -> Sequence[Address]:
            await asyncio.Event().wait()
            return [ip_address(PUBLIC)]

    assert failure("http://example.com/", Silent()) == "dns_failure"


def test_an_allowed_origin_may_lead_inside_and_is_looked_up_as_written() -> None:
    resolver = FakeResolver({"origin": ["127.0.0.1"], "origin.": ["127.0.0.2"]})
    assert pin("http://origin:3010/", resolver, "origin:3010") == "127.0.0.1"


def test_the_same_host_at_another_port_may_not_lead_inside() -> None:
    resolver = FakeResolver({"cdn.example.": ["127.0.0.1"]})
    with pytest.raises(FetchFailed) as failed:
        pin("http://cdn.example/", resolver, "cdn.example:3010")
    assert failed.value.code == "blocked_address"
