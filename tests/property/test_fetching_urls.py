"""Whatever anybody writes as a URL: it is refused, or everybody reads it like us."""

import ipaddress
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.source_url.addresses import is_public
from domain.source_url.parser import SourceRefused, SourceUrl, parse_source_url
from streams.ingestion.fetcher import FetchFailed, FetchLimits
from streams.outbound_http.address_guard import AddressGuard
from tests.support.fakes.fetcher_fakes import FakeResolver

pieces = st.sampled_from(
    [
        *"0123456789abcdefxX.:/@?#%[]\\-_ \t\r\n\x00&;,!~<>",
        *("http", "https", "://", ":80", ":443", "%00", "xn--"),
        *("127.0.0.1", "::1", "::ffff:", "169.254.169.254", "localhost", "example.com"),
        *("ü", "\u3002", "\uff11", "ⓛ", "\u00ad", "\u200d", "\u212a", "\ud800"),
    ],
)
soup = st.lists(pieces, max_size=12).map("".join)
urls = st.one_of(st.text(), soup, soup.map("http://{}".format), soup.map("http://{}/".format))


def read(text: str) -> SourceUrl | None:
    try:
        return parse_source_url(text)
    except SourceRefused:
        return None


@given(urls)
@example("http://[::1")
@example("http://ex\u0301ample.com/")
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        AddressGuard(FakeResolver(), FetchLimits()).read(text)
    except FetchFailed as failed:
        assert failed.code in {"invalid_url", "blocked_address"}  # noqa: PT017 - both ways are fine


@given(urls)
def test_what_is_read_reads_the_same_again(text: str) -> None:
    url = read(text)
    if url is not None:
        assert parse_source_url(str(url)) == url


@given(urls)
def test_other_parsers_see_the_host_that_we_judged(text: str) -> None:
    url = read(text)
    if url is None or not url.host.isascii():
        return
    seen = urlsplit(str(url))
    assert (seen.scheme, seen.hostname) == (url.scheme, url.host.strip("[]"))
    assert seen.port in {None, url.port}
    assert (seen.username, seen.password) == (None, None)
    try:
        theirs = httpx2.URL(text)
    except httpx2.InvalidURL:
        return  # stricter than we are, for example about "xn--" labels
    assert theirs.raw_host.decode().removesuffix(".") == url.host.strip("[]")


@given(st.ip_addresses(v=4), st.integers(0, 3), st.lists(st.sampled_from("dox"), min_size=4))
def test_no_spelling_of_an_ipv4_address_but_the_plain_one_is_read(
    address: ipaddress.IPv4Address, numbers_beyond_first: int, bases: list[str]
) -> None:
    spelt = spell(address, numbers_beyond_first, bases)
    url = read(f"http://{spelt}/")
    if spelt == str(address) and is_public(address):
        assert url is not None
        assert url.address == address
    else:
        assert url is None


@given(st.ip_addresses(v=4))
def test_no_ipv6_address_that_carries_ipv4_is_public(carried: ipaddress.IPv4Address) -> None:
    number, inverted = int(carried), int(carried) ^ 0xFFFF_FFFF
    carriers = {
        "compatible": number,
        "mapped": 0xFFFF << 32 | number,
        "translated": 0xFFFF << 48 | number,
        "NAT64": 0x64_FF9B << 96 | number,
        "local NAT64": 0x64_FF9B_0001 << 80 | number,
        "6to4": 0x2002 << 112 | number << 80,
        "Teredo": 0x2001_0000 << 96 | inverted,
        "ISATAP": 0x2606_4700 << 96 | 0x5EFE << 32 | number,
        "universal ISATAP": 0x2606_4700 << 96 | 0x0200_5EFE << 32 | number,
    }
    for kind, value in carriers.items():
        assert not is_public(ipaddress.IPv6Address(value)), kind


@given(st.ip_addresses())
def test_we_are_never_more_generous_than_python(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast


def spell(address: ipaddress.IPv4Address, numbers_beyond_first: int, bases: list[str]) -> str:
    """Write an address as inet_aton reads it: up to four numbers in bases 8, 10 and 16."""
    octets = list(address.packed)
    head = octets[:numbers_beyond_first]
    tail = int.from_bytes(octets[numbers_beyond_first:], "big")
    prefix = {"d": "{}", "o": "0{:o}", "x": "0x{:x}"}
    return ".".join(prefix[base].format(n) for base, n in zip(bases, [*head, tail], strict=False))


@pytest.mark.parametrize("spelt", ["127.0.0.1", "0x7f.0x0.0x0.0x1", "017700000001", "127.1"])
def test_the_speller_can_spell(spelt: str) -> None:
    ways = {
        spell(ipaddress.IPv4Address("127.0.0.1"), count, [base] * 4)
        for count in range(4)
        for base in "dox"
    }
    assert spelt in ways
