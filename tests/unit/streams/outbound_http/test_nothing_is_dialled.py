"""The whole client with every way to a network replaced, to see where it would have gone."""

import asyncio
import ssl
from itertools import cycle
from pathlib import Path

import pytest

from streams.ingestion.fetcher import Fetcher, FetchFailed, FetchLimits, Resolver
from tests.support.fakes.fetcher_fakes import FakeResolver, FlippingResolver
from tests.support.samples import ACME
from tests.support.ssrf_vectors import DENIED, NOT_A_NAME_FOR_IDNA

PUBLIC = "93.184.216.34"
TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing gets as far as a certificate, and loading the real ones for each test is slow."""


def failure(url: str, resolver: Resolver, into: Path) -> FetchFailed:
    async def fetch() -> None:
        await Fetcher(resolver, FetchLimits(), tls=TRUSTS_NOBODY).fetch(
            url, tenant_id=ACME, into=into
        )

    with pytest.raises(FetchFailed) as failed:
        asyncio.run(fetch())
    assert not into.exists()
    return failed.value


@pytest.mark.parametrize(("url", "code"), DENIED.items(), ids=ascii)
def test_a_hostile_url_is_neither_looked_up_nor_dialled(
    url: str, code: str, dialled: list[object], tmp_path: Path
) -> None:
    resolver = FakeResolver()
    assert failure(url, resolver, tmp_path / "source").code == code
    assert dialled == []
    assert resolver.asked == []


@pytest.mark.parametrize("url", NOT_A_NAME_FOR_IDNA, ids=ascii)
def test_a_name_that_idna_refuses_is_not_dialled(
    url: str, dialled: list[object], tmp_path: Path
) -> None:
    failure(url, FakeResolver(), tmp_path / "source")
    assert dialled == []


@pytest.mark.parametrize("addresses", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::ffff:7f00:1"]])
def test_a_name_that_leads_inside_is_not_dialled(
    addresses: list[str], dialled: list[object], tmp_path: Path
) -> None:
    resolver = FakeResolver({"localtest.me.": addresses})
    assert failure("http://localtest.me/", resolver, tmp_path / "source").code == "blocked_address"
    assert dialled == []


def test_a_public_name_is_dialled_by_number(dialled: list[object], tmp_path: Path) -> None:
    resolver = FakeResolver({"example.com.": [PUBLIC]})
    assert failure("http://example.com/", resolver, tmp_path / "s").code == "connect_failure"
    assert failure("https://example.com/", resolver, tmp_path / "s").code == "connect_failure"
    assert dialled == [(PUBLIC, 80), (PUBLIC, 443)]


def test_a_name_that_flips_a_thousand_times_never_leads_inside(
    dialled: list[object], tmp_path: Path
) -> None:
    resolver = FlippingResolver(cycle([PUBLIC, "127.0.0.1"]))

    async def fetch_a_thousand_times() -> list[str]:
        fetcher = Fetcher(resolver, FetchLimits(), tls=TRUSTS_NOBODY)
        codes: list[str] = []
        for _ in range(1000):
            with pytest.raises(FetchFailed) as failed:
                await fetcher.fetch(
                    "http://rebind.example/", tenant_id=ACME, into=tmp_path / "source"
                )
            codes.append(failed.value.code)
        return codes

    codes = asyncio.run(fetch_a_thousand_times())
    assert codes == ["connect_failure", "blocked_address"] * 500
    assert dialled == [(PUBLIC, 80)] * 500
    assert len(resolver.asked) == 1000


def test_proxies_of_the_environment_are_ignored(
    dialled: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:3128")
    failure("http://example.com/", FakeResolver({"example.com.": [PUBLIC]}), tmp_path / "source")
    assert dialled == [(PUBLIC, 80)]


def test_every_refused_address_fails_with_the_same_words(
    dialled: list[object], tmp_path: Path
) -> None:
    resolver = FakeResolver({"a.example.": ["127.0.0.1"], "b.example.": ["10.9.9.9", "::1"]})
    urls = ["http://a.example/", "http://b.example/", "http://127.0.0.1/", "http://localhost/"]
    assert len({failure(url, resolver, tmp_path / "source").detail for url in urls}) == 1
