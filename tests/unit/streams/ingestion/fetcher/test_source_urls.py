import pytest

from domain.source_url.parser import MAX_URL_LENGTH, SourceRefused, parse_source_url
from streams.ingestion.fetcher import FetchFailed, FetchLimits
from streams.outbound_http.address_guard import AddressGuard
from tests.support.fakes.fetcher_fakes import FakeResolver
from tests.support.ssrf_vectors import ALLOWED, DENIED, NOT_A_NAME_FOR_IDNA

ORIGIN = "127.0.0.1:3010"


def guard() -> AddressGuard:
    return AddressGuard(FakeResolver(), FetchLimits())


@pytest.mark.parametrize(("url", "code"), DENIED.items(), ids=ascii)
def test_a_hostile_url_is_refused_for_the_right_reason(url: str, code: str) -> None:
    with pytest.raises(SourceRefused) as refused:
        parse_source_url(url)
    assert refused.value.code == code


@pytest.mark.parametrize("url", NOT_A_NAME_FOR_IDNA, ids=ascii)
def test_an_international_name_that_idna_refuses_is_refused(url: str) -> None:
    with pytest.raises(FetchFailed) as failed:
        guard().read(url)
    assert failed.value.code == "invalid_url"


@pytest.mark.parametrize(("url", "canonical"), ALLOWED.items(), ids=ascii)
def test_an_honest_url_is_read_canonically(url: str, canonical: str) -> None:
    assert str(guard().read(url)) == canonical


def test_a_url_may_be_as_long_as_the_limit_and_no_longer() -> None:
    start = "http://example.com/"
    longest = start + "a" * (MAX_URL_LENGTH - len(start))
    assert str(parse_source_url(longest)) == longest
    with pytest.raises(SourceRefused):
        parse_source_url(longest + "a")


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:3010/cat.png", "https://127.0.0.1:3010/", "http://127.0.0.1.:3010/"],
)
def test_an_allowed_origin_is_admitted(url: str) -> None:
    assert parse_source_url(url, {ORIGIN}).origin == ORIGIN


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:3011/",
        "http://127.0.0.2:3010/",
        "http://localhost:3010/",
        "http://[::ffff:127.0.0.1]:3010/",
        "http://127.0.0.1:3010.example.com/",
        "http://127.0.0.1:3010@10.0.0.1/",
    ],
)
def test_an_allowed_origin_admits_nothing_beside_itself(url: str) -> None:
    with pytest.raises(SourceRefused):
        parse_source_url(url, {ORIGIN})


def test_a_password_in_the_url_is_refused_as_such() -> None:
    with pytest.raises(SourceRefused) as refused:
        parse_source_url("https://user:pass@example.com/")
    assert refused.value.detail == "the URL must not hold a user name or password"


@pytest.mark.parametrize(
    "selector", ["\ufe0f", "\ufe00", "\u034f", "\u115f", "\u3164", "\U000e0100"]
)
def test_a_letter_that_dns_is_never_asked_for_is_in_no_name(selector: str) -> None:
    with pytest.raises(SourceRefused) as refused:
        parse_source_url(f"https://\u3042{selector}.example/")
    assert refused.value.code == "invalid_url"
