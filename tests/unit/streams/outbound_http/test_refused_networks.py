"""Networks that are public and the operator's own: nothing in them is reached, however written."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from domain.source_url.addresses import is_public
from domain.source_url.parser import SourceRefused, parse_source_url
from infra.errors import SettingsWrong
from infra.settings import load
from streams.ingestion.fetcher import Fetcher, FetchFailed, FetchLimits
from streams.webhooks.webhook_sender import WebhookSender
from tests.support.fakes.fetcher_fakes import FakeResolver
from tests.support.samples import ACME
from tests.support.webhook_parts import DELIVERY, ENDPOINT, SECRETS
from tests.unit.streams.outbound_http.test_nothing_is_dialled import TRUSTS_NOBODY

OWN = tuple(
    map(
        ip_network, ("93.184.216.0/24", "2606:2800:220::/48", "2a00:5f0:64::/96")
    )  # the last: NAT64
)
INSIDE = (
    "http://93.184.216.0/",
    "http://93.184.216.255/x.jpg",
    "https://93.184.216.34./",
    "http://[2606:2800:220:1::7]/",
    "http://[2a00:5f0:64::5db8:d822]/",
    "http://[2A00:5F0:64::A00:1]/",
    "http://[2a00:5f0:64:0:0:0:10.0.0.1]/",
)
NAMES: dict[str, Sequence[str]] = {
    "own.example.": ["93.184.216.34"],
    "half.example.": ["151.101.1.1", "93.184.216.34"],
    "own6.example.": ["2606:2800:220:1::7"],
    "nat64.example.": ["2a00:5f0:64::5db8:d822"],
}
AROUND = ("93.184.215.255", "93.184.217.0", "2606:2800:221::1", "2a00:5f0:64:0:0:1::")


@pytest.mark.parametrize("url", INSIDE)
def test_a_number_in_them_is_refused_before_anything_is_done(url: str) -> None:
    parse_source_url(url)  # without the setting it is public
    with pytest.raises(SourceRefused) as refused:
        parse_source_url(url, refused_networks=OWN)
    assert refused.value.code == "blocked_address"
    assert refused.value.detail == "the host is not on the public internet"


@pytest.mark.parametrize("address", AROUND)
def test_what_lies_around_them_is_public(address: str) -> None:
    assert is_public(ip_address(address), OWN)


@pytest.mark.parametrize("url", [*INSIDE, *(f"http://{name[:-1]}/" for name in NAMES)])
def test_no_download_and_no_webhook_dials_them(
    url: str, dialled: list[object], tmp_path: Path
) -> None:
    fetcher = Fetcher(FakeResolver(NAMES), FetchLimits(), refused_networks=OWN, tls=TRUSTS_NOBODY)
    with pytest.raises(FetchFailed) as failed:
        asyncio.run(fetcher.fetch(url, tenant_id=ACME, into=tmp_path / "source"))
    assert failed.value.code == "blocked_address"
    webhook_sender = WebhookSender(
        FakeResolver(NAMES), SECRETS, timeout_seconds=5.0, refused_networks=OWN, tls=TRUSTS_NOBODY
    )
    answer = asyncio.run(
        webhook_sender.post(replace(ENDPOINT, url=url), DELIVERY, datetime.now(UTC))
    )
    assert answer.status is None
    assert answer.detail == "the host is not on the public internet"
    assert dialled == []


def test_the_operator_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEHOSTER_FETCH__REFUSED_NETWORKS", '["93.184.216.0/24"]')
    monkeypatch.setenv("SCALEHOSTER_FETCH__NAT64_PREFIXES", '["2a00:5f0:64::/96"]')
    assert load().fetch.all_refused_networks == (OWN[0], OWN[2])


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SCALEHOSTER_FETCH__REFUSED_NETWORKS", '["93.184.216.34/24"]'),  # which one is meant?
        ("SCALEHOSTER_FETCH__REFUSED_NETWORKS", '["93.184.216.0/33"]'),
        ("SCALEHOSTER_FETCH__REFUSED_NETWORKS", '["example.com"]'),
        ("SCALEHOSTER_FETCH__REFUSED_NETWORKS", '[""]'),
        ("SCALEHOSTER_FETCH__REFUSED_NETWORKS", "93.184.216.0/24"),
        ("SCALEHOSTER_FETCH__NAT64_PREFIXES", '["93.184.216.0/24"]'),
        ("SCALEHOSTER_FETCH__NAT64_PREFIXES", '["2a00:5f0:64::/95"]'),
        ("SCALEHOSTER_FETCH__NAT64_PREFIXES", '["2a00:5f0:64::1/96"]'),
    ],
)
def test_what_is_no_network_is_refused_by_name(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsWrong, match=variable):
        load()
