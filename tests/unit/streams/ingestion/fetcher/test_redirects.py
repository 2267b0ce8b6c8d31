"""The real client and redirects: every hop is judged from the top."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.ingestion.fetcher import (
    CacheValidators,
    FetchedSource,
    Fetcher,
    FetchFailed,
    FetchLimits,
)
from tests.support.fakes.fetcher_fakes import FakeResolver
from tests.support.fetching_origin import answer, origin, redirect, says
from tests.support.samples import ACME

CAT = b"\x89PNG not really" * 1000


class Canary:
    """Stands for Kafka, Cassandra or a metadata service: nobody may knock."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.port: int = listener.getsockname()[1]

    def was_called(self) -> bool:
        try:
            self._listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def canary() -> Iterator[Canary]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)  # noqa: FBT003 - the socket module's signature
        yield Canary(listener)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "source"


async def follow(answers: dict[str, bytes], into: Path, resolver: FakeResolver) -> FetchedSource:
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = here.requests[-1].split(b" ")[1].decode()
        writer.write(answers[path])

    async with origin(script) as here:
        client = Fetcher(
            resolver, FetchLimits(), {here.address}, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        )
        return await client.fetch(f"http://{here.address}/start", tenant_id=ACME, into=into)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/a/cat", "a/cat", "./a/cat", "x/../a/cat", "/a/cat#top"])
def test_a_redirect_is_followed(status: int, location: str, into: Path) -> None:
    answers = {"/start": redirect(location, status), "/a/cat": answer(200, body=CAT)}
    result = asyncio.run(follow(answers, into, FakeResolver()))
    assert result.final_url.endswith("/a/cat")
    assert into.read_bytes() == CAT


def test_only_where_it_was_found_a_source_is_asked_whether_it_changed(into: Path) -> None:
    async def fetch(known_path: str) -> tuple[FetchedSource | FetchFailed, list[str]]:
        async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            is_start = here.requests[-1].startswith(b"GET /start ")
            writer.write(redirect("/moved") if is_start else answer(304))

        async with origin(script) as here:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            client = Fetcher(FakeResolver(), FetchLimits(), {here.address}, tls)
            known = CacheValidators(
                url=f"http://{here.address}{known_path}",
                etag='"7"',
                last_modified="Wed, 01 Jul 2026 12:00:00 GMT",
            )
            start = f"http://{here.address}/start"
            try:
                ended: FetchedSource | FetchFailed = await client.fetch(
                    start, tenant_id=ACME, into=into, conditional=known
                )
            except FetchFailed as failed:
                ended = failed
        return ended, [request.decode() for request in here.requests]

    ended, (start, moved) = asyncio.run(fetch("/moved"))
    assert isinstance(ended, FetchedSource)
    assert ended.not_modified
    assert "If-" not in start
    assert 'If-None-Match: "7"\r\nIf-Modified-Since: Wed, 01 Jul 2026' in moved
    ended, requests = asyncio.run(fetch("/elsewhere"))
    assert isinstance(ended, FetchFailed)
    assert (ended.code, ended.status) == ("http_status", 304)
    assert not any("If-" in request for request in requests)


def redirect_failure(first: bytes, into: Path, resolver: FakeResolver | None = None) -> FetchFailed:
    with pytest.raises(FetchFailed) as failed:
        asyncio.run(follow({"/start": first}, into, resolver or FakeResolver()))
    assert not into.exists()
    return failed.value


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://169.254.169.254/latest/meta-data/", "blocked_address"),
        ("http://127.0.0.1/", "blocked_address"),
        ("//127.0.0.1/", "blocked_address"),
        ("http://localhost/", "blocked_address"),
        ("http://[::ffff:127.0.0.1]/", "blocked_address"),
        ("http://example.com:22/", "blocked_address"),
        ("http://2130706433/", "invalid_url"),
        ("http://user@example.com/", "invalid_url"),
        ("\\\\127.0.0.1\\", "invalid_url"),
        ("/\\127.0.0.1/", "invalid_url"),
        ("http://\t127.0.0.1/", "invalid_url"),
        ("http://127.0.0.1 /", "invalid_url"),
        ("http://[::1/", "invalid_url"),
        ("file:///etc/passwd", "invalid_url"),
        ("gopher://127.0.0.1:25/_x", "invalid_url"),
        ("data:image/png;base64,AAAA", "invalid_url"),
        ("javascript:alert(1)", "invalid_url"),
        ("http://ex\xe4mple.com/", "invalid_url"),
        ("http://xn--/", "invalid_url"),
        ("/" + "a" * 10_000, "invalid_url"),
    ],
)
def test_a_redirect_is_judged_like_any_url(location: str, code: str, into: Path) -> None:
    assert redirect_failure(redirect(location), into).code == code


def test_a_redirect_to_a_name_that_leads_inside_is_blocked(into: Path) -> None:
    resolver = FakeResolver({"rebind.example.": ["127.0.0.1"]})
    failed = redirect_failure(redirect("http://rebind.example/"), into, resolver)
    assert failed.code == "blocked_address"
    assert resolver.asked == ["rebind.example."]


@pytest.mark.parametrize(
    "no_redirect",
    [
        answer(302),
        answer(302, ["Location:"]),
        answer(302, ["Location: /a", "Location: /b"]),
        answer(300, ["Location: /a"]),
        answer(305, ["Location: /a"]),
        answer(304, ["Location: /a"]),
    ],
)
def test_what_is_no_proper_redirect_is_not_followed(no_redirect: bytes, into: Path) -> None:
    assert redirect_failure(no_redirect, into).code == "http_status"


@pytest.mark.parametrize(
    "headers",
    [["Location: /a"], ["Content-Location: /a"], ["Refresh: 0; url=/a"], ["Link: </a>"]],
)
def test_a_success_leads_nowhere_else(headers: list[str], into: Path) -> None:
    body = b'<meta http-equiv="refresh" content="0; url=/a">'
    result = asyncio.run(follow({"/start": answer(201, headers, body)}, into, FakeResolver()))
    assert result.final_url.endswith("/start")
    assert into.read_bytes() == body


def chain(length: int) -> dict[str, bytes]:
    hops = ["/start", *(f"/{n}" for n in range(1, length))]
    answers = {here: redirect(there) for here, there in zip(hops, [*hops[1:], "/end"], strict=True)}
    return {**answers, "/end": answer(200, body=CAT)}


def test_three_redirects_are_followed_and_a_fourth_is_not(into: Path) -> None:
    assert asyncio.run(follow(chain(3), into, FakeResolver())).size_bytes == len(CAT)
    with pytest.raises(FetchFailed) as failed:
        asyncio.run(follow(chain(4), into, FakeResolver()))
    assert failed.value.code == "too_many_redirects"
    assert not into.exists()


def test_a_loop_of_redirects_ends(into: Path) -> None:
    assert redirect_failure(redirect("/start"), into).code == "too_many_redirects"


def test_no_spelling_reaches_a_service_on_this_machine(canary: Canary, into: Path) -> None:
    port = canary.port
    resolver = FakeResolver({"localtest.me.": ["127.0.0.1"], "localhost": ["127.0.0.1"]})
    spellings = [
        "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0", "0.0.0.0", "localhost",  # noqa: S104 - nothing binds to it
        "localhost.", "localtest.me", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]",
        "127。0。0。1", "１２７.0.0.1", "loc%61lhost", "x@127.0.0.1",  # noqa: RUF001 - ambiguous on purpose
    ]  # fmt: skip

    async def scenario() -> None:
        client = Fetcher(resolver, FetchLimits())
        for host in spellings:
            with pytest.raises(FetchFailed):
                await client.fetch(f"http://{host}:{port}/", tenant_id=ACME, into=into)
        for host in filter(str.isascii, spellings):
            with pytest.raises(FetchFailed):
                await follow({"/start": redirect(f"http://{host}:{port}/")}, into, resolver)

    asyncio.run(scenario())
    assert not canary.was_called()


def test_a_connection_that_ended_elsewhere_is_dropped_unread(
    into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with origin(says(answer(200, body=CAT))) as here:
            monkeypatch.setattr(socket.socket, "getpeername", lambda _: ("127.0.0.9", here.port))
            with pytest.raises(FetchFailed) as failed:
                await Fetcher(FakeResolver(), FetchLimits(), {here.address}).fetch(
                    f"http://{here.address}/", tenant_id=ACME, into=into
                )
        assert failed.value.code == "blocked_address"
        assert here.requests == []

    asyncio.run(scenario())
