"""The real client against a real, hostile server: what answers become."""

import asyncio
import hashlib
import ssl
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest

from streams.ingestion.fetcher import (
    CacheValidators,
    FetchedSource,
    Fetcher,
    FetchFailed,
    FetchLimits,
    SystemResolver,
)
from tests.support.fakes.fetcher_fakes import FakeResolver
from tests.support.fetching_origin import (
    Origin,
    Script,
    answer,
    drips,
    hangs,
    origin,
    repeats,
    resets,
    says,
)
from tests.support.samples import ACME

CAT = b"\x89PNG not really" * 1000
SHORT = FetchLimits(
    deadline_seconds=0.3, connect_seconds=0.2, max_body_bytes=100_000, max_header_bytes=20_000
)
PATIENT = FetchLimits(max_body_bytes=100_000, max_header_bytes=20_000)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\n"


def fetcher(here: Origin, limits: FetchLimits = PATIENT) -> Fetcher:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return Fetcher(FakeResolver(), limits, {here.address}, tls)


async def fetch(script: Script, into: Path, limits: FetchLimits = PATIENT) -> FetchedSource:
    async with origin(script) as here:
        return await fetcher(here, limits).fetch(
            f"http://{here.address}/cat.png", tenant_id=ACME, into=into
        )


def fetched(script: Script, into: Path) -> FetchedSource:
    return asyncio.run(fetch(script, into))


def failure(script: Script, into: Path, limits: FetchLimits = PATIENT) -> FetchFailed:
    with pytest.raises(FetchFailed) as failed:
        asyncio.run(fetch(script, into, limits))
    assert not into.exists()
    return failed.value


async def until(probe: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while True:
            if probe():
                return
            await asyncio.sleep(0)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "source"


def test_a_source_is_written_counted_and_hashed(into: Path) -> None:
    headers = [
        'ETag: "7"',
        "Last-Modified: Wed, 01 Jul 2026 12:00:00 GMT",
        "Content-Type: image/png",
    ]
    result = fetched(says(answer(200, headers, CAT)), into)
    assert into.read_bytes() == CAT
    assert result.size_bytes == len(CAT)
    assert result.sha256 == hashlib.sha256(CAT).hexdigest()
    assert (result.status, result.not_modified) == (200, False)
    assert (result.etag, result.last_modified) == ('"7"', "Wed, 01 Jul 2026 12:00:00 GMT")
    assert result.content_type_claimed == "image/png"
    assert result.final_url.endswith("/cat.png")


def test_a_chunked_source_is_put_together(into: Path) -> None:
    fetched(says(CHUNKED, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"), into)
    assert into.read_bytes() == b"abcde"


def test_a_source_as_large_as_the_limit_is_accepted(into: Path) -> None:
    assert fetched(says(answer(200, body=b"x" * 100_000)), into).size_bytes == 100_000


def test_the_request_says_who_we_are_and_nothing_else(into: Path) -> None:
    async def scenario() -> None:
        async with origin(says(answer(200, ["Set-Cookie: a=b"], CAT))) as here:
            client = fetcher(here)
            url = f"http://{here.address}/%0d%0aX:%20y?q=ü#top"
            await client.fetch(url, tenant_id=ACME, into=into)
            await client.fetch(url, tenant_id=ACME, into=into)
        assert here.requests[0] == here.requests[1]
        assert here.requests[0].decode().split("\r\n") == [
            "GET /%0d%0aX:%20y?q=%C3%BC HTTP/1.1",
            f"Host: {here.address}",
            "User-Agent: ScaleHoster/0.1 (image fetcher)",
            "Accept: image/*, */*;q=0.1",
            "Accept-Encoding: identity",
            "Connection: close",
            "",
            "",
        ]

    asyncio.run(scenario())


def test_an_unchanged_source_is_not_sent_again(into: Path) -> None:
    async def scenario() -> None:
        async with origin(says(answer(304, ['ETag: "7"']))) as here:
            url = f"http://{here.address}/"
            known = CacheValidators(
                url=url, etag='"7"', last_modified="Wed, 01 Jul 2026 12:00:00 GMT"
            )
            result = await fetcher(here).fetch(url, tenant_id=ACME, into=into, conditional=known)
        assert b'If-None-Match: "7"\r\n' in here.requests[0]
        assert b"If-Modified-Since: Wed, 01 Jul 2026 12:00:00 GMT\r\n" in here.requests[0]
        assert (result.not_modified, result.size_bytes) == (True, 0)

    asyncio.run(scenario())
    assert not into.exists()


@pytest.mark.parametrize("etag", ['W/"7"', '""', '"a,b"'])
def test_entity_tags_weak_and_strong_are_sent_as_they_came(etag: str, into: Path) -> None:
    assert asked_by(etag, into) == [f"If-None-Match: {etag}"]


@pytest.mark.parametrize("etag", ["*", '"a", "b"', "7", "w/7", ""])
def test_what_is_no_entity_tag_is_not_sent_so_a_304_is_a_failure(etag: str, into: Path) -> None:
    with pytest.raises(FetchFailed) as failed:
        asked_by(etag, into)
    assert (failed.value.code, failed.value.status) == ("http_status", 304)
    assert not into.exists()


def asked_by(etag: str, into: Path) -> list[str]:
    """Fetch on condition of an entity tag, and give the conditions that the origin saw."""

    async def scenario() -> list[str]:
        async with origin(says(answer(304))) as here:
            url = f"http://{here.address}/"
            known = CacheValidators(url=url, etag=etag, last_modified=None)
            await fetcher(here).fetch(url, tenant_id=ACME, into=into, conditional=known)
        lines = here.requests[0].decode().split("\r\n")
        return [line for line in lines if line.startswith("If-")]

    return asyncio.run(scenario())


def test_headers_that_are_odd_or_endless_are_not_kept(into: Path) -> None:
    headers = [
        "ETag: " + "x" * 2000,
        "Last-Modified: \xe9",
        "Content-Type: a/b",
        "Content-Type: c/d",
    ]
    result = fetched(says(answer(200, headers, CAT)), into)
    assert (result.etag, result.last_modified, result.content_type_claimed) == (None, None, None)


@pytest.mark.parametrize("status", [206, 300, 304, 305, 400, 404, 410, 500, 503])
def test_a_status_that_is_no_success_is_reported(status: int, into: Path) -> None:
    failed = failure(says(answer(status, body=b"secret")), into)
    assert (failed.code, failed.status) == ("http_status", status)
    assert failed.detail == f"the source answered with status {status}"


def test_the_wish_of_a_busy_origin_is_reported(into: Path) -> None:
    failed = failure(says(answer(429, ["Retry-After: 120"])), into)
    assert (failed.retry_after_seconds, failed.is_transient) == (120.0, True)


@pytest.mark.parametrize(
    "script",
    [
        says(),
        says(b"SSH-2.0-OpenSSH_9.9\r\n"),
        says(b"\x00" * 100),
        says(b"HTTP/1.1 200 OK\r\nContent-Le"),
        says(answer(200, body=CAT, length=len(CAT) + 1)),
        says(answer(200, ["Content-Length: 3"], body=CAT)),
        says(answer(200, body=CAT, length=-1)),
        says(answer(200, ["Transfer-Encoding: gzip"], body=CAT)),
        says(CHUNKED, b"3\r\nabc\r\n"),
        says(CHUNKED, b"-3\r\nabc\r\n0\r\n\r\n"),
        says(CHUNKED, b"3\r\nabcdef\r\n0\r\n\r\n"),
        resets(b""),
        resets(answer(200, body=CAT, length=50_000)),
        says(b"HTTP/2 200\r\n\r\n"),
        says(answer(101, ["Upgrade: websocket"])),
        repeats(CHUNKED + b"0\r\n", b"Trailer: " + b"x" * 1000 + b"\r\n"),
    ],
)
def test_a_broken_answer_is_a_connect_failure(script: Script, into: Path) -> None:
    failed = failure(script, into)
    assert (failed.code, failed.is_transient) == ("connect_failure", True)
    assert failed.detail == "the source could not be reached"


@pytest.mark.parametrize(
    "script",
    [
        says(answer(200, body=b"x" * 100_001)),
        says(CHUNKED, b"186a1\r\n" + b"x" * 100_001 + b"\r\n0\r\n\r\n"),
        hangs(answer(200, length=10_000_000_000)),
        repeats(ENDLESS, b"x" * 1000),
        repeats(CHUNKED, b"3e8\r\n" + b"x" * 1000 + b"\r\n"),
        repeats(CHUNKED, b"1;" + b"x" * 1000 + b"\r\ny\r\n"),
        repeats(b"HTTP/1.1 200 OK\r\n", b"X-Header: y\r\n"),
        repeats(b"HTTP/1.1 200 OK\r\nX-Header: ", b"y" * 1000),
        repeats(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    ],
)
def test_an_answer_without_end_is_too_large(script: Script, into: Path) -> None:
    failed = failure(script, into)
    assert (failed.code, failed.is_transient) == ("too_large", False)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "x"])
def test_a_compressed_answer_is_refused(encoding: str, into: Path) -> None:
    script = says(answer(200, [f"Content-Encoding: {encoding}"], CAT))
    assert failure(script, into).code == "unsupported_format"


@pytest.mark.parametrize(
    "script",
    [
        hangs(),
        hangs(b"HTTP/1.1 200"),
        hangs(answer(200, body=CAT, length=50_000)),
        drips(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        drips(answer(200, length=50_000), b"x"),
        drips(CHUNKED, b"1\r\nx\r\n"),
        drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_an_origin_that_takes_its_time_meets_the_deadline(script: Script, into: Path) -> None:
    failed = failure(script, into, SHORT)
    assert (failed.code, failed.is_transient) == ("timeout", True)


def test_an_origin_that_refuses_is_a_connect_failure(into: Path) -> None:
    async def scenario() -> None:
        async with origin(says()) as here:
            pass
        with pytest.raises(FetchFailed) as failed:
            await fetcher(here).fetch(f"http://{here.address}/", tenant_id=ACME, into=into)
        assert failed.value.code == "connect_failure"

    asyncio.run(scenario())


def test_a_disk_that_cannot_be_written_is_not_the_origins_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fetched(says(answer(200, body=CAT)), tmp_path / "no" / "such" / "folder")


def test_a_cancelled_download_hangs_up_and_leaves_no_file(into: Path) -> None:
    async def scenario() -> None:
        async with origin(hangs(answer(200, body=CAT, length=50_000))) as here:
            download = asyncio.create_task(
                fetcher(here).fetch(f"http://{here.address}/", tenant_id=ACME, into=into)
            )
            await until(into.exists)
            download.cancel()
            with pytest.raises(asyncio.CancelledError):
                await download
            await asyncio.wait_for(here.visitor_left.wait(), 10)

    asyncio.run(scenario())
    assert not into.exists()


def test_the_resolver_of_this_machine_knows_loopback() -> None:
    async def scenario() -> None:
        resolver = SystemResolver(max_threads=1)
        assert ip_address("127.0.0.1") in await resolver.lookup("localhost", ACME)
        resolver.close()

    asyncio.run(scenario())
