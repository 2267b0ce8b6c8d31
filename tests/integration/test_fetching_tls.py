"""The real client and TLS: only a valid certificate for the very name will do."""

import asyncio
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from streams.ingestion.fetcher import FetchedSource, Fetcher, FetchFailed, FetchLimits
from tests.support.fakes.fetcher_fakes import FakeResolver
from tests.support.fetching_origin import Script, answer, hangs, origin, redirect, says
from tests.support.samples import ACME

CAT = b"\x89PNG not really" * 1000
RESOLVER = FakeResolver({"localhost": ["127.0.0.1"]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A self-signed certificate and its key, as files."""

    certificate: Path
    key: Path

    def serving(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))


def made(folder: Path, name: str, days: int) -> Certificate:
    openssl = shutil.which("openssl")
    assert openssl, "these tests make their certificates with the openssl program"
    request, certificate, key = (folder / f"{name}{days}.{end}" for end in ("csr", "crt", "key"))
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    ask = ["req", "-new", *curve, *subject, "-keyout", str(key), "-out", str(request)]
    sign = ["x509", "-req", "-in", str(request), "-signkey", str(key), "-days", str(days)]
    for command in (ask, [*sign, "-copy_extensions", "copy", "-out", str(certificate)]):
        subprocess.run([openssl, *command], check=True, capture_output=True)
    return Certificate(certificate=certificate, key=key)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def valid(folder: Path) -> Certificate:
    return made(folder, "localhost", days=1)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "source"


async def fetch(
    script: Script,
    into: Path,
    serving: ssl.SSLContext | None,
    trusting: ssl.SSLContext,
    limits: FetchLimits,
) -> FetchedSource:
    async with origin(script, serving) as here:
        allowed = {f"localhost:{here.port}"}
        client = Fetcher(RESOLVER, limits, allowed, trusting)
        return await client.fetch(
            f"https://localhost:{here.port}/cat.png", tenant_id=ACME, into=into
        )


def failure(
    into: Path,
    serving: ssl.SSLContext | None,
    trusting: ssl.SSLContext,
    script: Script | None = None,
    limits: FetchLimits | None = None,
) -> FetchFailed:
    script = script or says(answer(200, body=CAT))
    with pytest.raises(FetchFailed) as failed:
        asyncio.run(fetch(script, into, serving, trusting, limits or FetchLimits()))
    assert not into.exists()
    return failed.value


def test_a_source_is_fetched_over_tls_under_its_name(valid: Certificate, into: Path) -> None:
    names: list[str | None] = []
    serving = valid.serving()
    serving.sni_callback = lambda _connection, name, _context: names.append(name)
    script = says(answer(200, body=CAT))
    asyncio.run(fetch(script, into, serving, valid.trusting(), FetchLimits()))
    assert into.read_bytes() == CAT
    assert names == ["localhost"]


def test_a_certificate_that_nobody_vouches_for_is_refused(valid: Certificate, into: Path) -> None:
    failed = failure(into, valid.serving(), ssl.create_default_context())
    assert (failed.code, failed.is_transient) == ("tls_failure", False)


def test_a_certificate_for_another_name_is_refused(folder: Path, into: Path) -> None:
    other = made(folder, "other.example", days=1)
    assert failure(into, other.serving(), other.trusting()).code == "tls_failure"


def test_an_expired_certificate_is_refused(folder: Path, into: Path) -> None:
    expired = made(folder, "localhost", days=-1)
    assert failure(into, expired.serving(), expired.trusting()).code == "tls_failure"


def test_a_server_that_speaks_no_tls_is_refused(into: Path) -> None:
    async def shout(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, body=CAT))
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(shout, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Fetcher(RESOLVER, FetchLimits(), {f"localhost:{port}"})
        async with server:
            with pytest.raises(FetchFailed) as failed:
                await client.fetch(f"https://localhost:{port}/", tenant_id=ACME, into=into)
        assert failed.value.code == "tls_failure"

    asyncio.run(scenario())


def test_a_handshake_that_never_ends_is_a_timeout(valid: Certificate, into: Path) -> None:
    limits = FetchLimits(connect_seconds=0.2)
    failed = failure(into, None, valid.trusting(), hangs(), limits)
    assert (failed.code, failed.is_transient) == ("timeout", True)


def test_a_redirect_from_https_to_http_is_refused(valid: Certificate, into: Path) -> None:
    script = says(redirect("http://example.com/"))
    assert failure(into, valid.serving(), valid.trusting(), script).code == "tls_failure"


def test_a_redirect_from_https_to_inside_is_blocked(valid: Certificate, into: Path) -> None:
    script = says(redirect("https://127.0.0.1/"))
    assert failure(into, valid.serving(), valid.trusting(), script).code == "blocked_address"
