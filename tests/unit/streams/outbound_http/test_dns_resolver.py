"""Look-ups of this machine: silent names of one tenant leave the others theirs."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from domain.values import TenantId
from streams.ingestion.fetcher import FetchFailed, FetchLimits, Resolver, SystemResolver
from streams.outbound_http.address_guard import AddressGuard
from streams.webhooks.webhook_sender import WebhookSender
from tests.support.samples import ACME
from tests.support.webhook_parts import DELIVERY, ENDPOINT, SECRETS
from tests.unit.streams.outbound_http.test_nothing_is_dialled import PUBLIC, TRUSTS_NOBODY

EVIL = TenantId("evil")
_LONGEST_SECONDS = 30  # a test that fails ends; none that passes waits so long


class Dns:
    """Answers every name at once, but for silent ones: those until ``answer`` is set."""

    def __init__(self) -> None:
        self.answer = threading.Event()
        self.asked: Counter[str] = Counter()
        self.threads: list[threading.Thread] = []

    def getaddrinfo(self, host: bytes, *_: object, **__: object) -> list[tuple[object, ...]]:
        name = host.decode()
        self.asked[name] += 1
        self.threads.append(threading.current_thread())
        if "silent" in name:
            self.answer.wait(_LONGEST_SECONDS)
        if "missing" in name:
            raise socket.gaierror("no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, 0))]

    @property
    def silent(self) -> int:
        """Count the silent names that were asked for."""
        return sum(count for name, count in self.asked.items() if "silent" in name)


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dns]:
    fake = Dns()
    monkeypatch.setattr(socket, "getaddrinfo", fake.getaddrinfo)
    yield fake
    fake.answer.set()
    for thread in fake.threads:
        thread.join(_LONGEST_SECONDS)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(_LONGEST_SECONDS):
        while not holds():  # noqa: ASYNC110 - threads have no event to wait for
            await asyncio.sleep(0.001)


@contextmanager
def asking(resolver: Resolver, tenant_id: TenantId, names: int) -> Iterator[None]:
    """Have a tenant ask for silent names as long as the block lasts."""
    tasks = [
        asyncio.ensure_future(resolver.lookup(f"s{number}.silent.{tenant_id}.", tenant_id))
        for number in range(names)
    ]
    yield
    for task in tasks:
        task.cancel()


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(_LONGEST_SECONDS):
            await story()

    asyncio.run(bounded())


def test_silent_names_of_one_tenant_leave_others_their_look_ups(dns: Dns) -> None:
    async def story() -> None:
        resolver = SystemResolver()
        with asking(resolver, EVIL, names=400):
            await until(lambda: dns.silent >= 16)
            assert await resolver.lookup("good.example.", ACME) == [ip_address(PUBLIC)]

    run(story)


def test_a_name_that_was_given_up_on_still_holds_its_place_but_no_other_tenants(dns: Dns) -> None:
    async def story() -> None:
        guard = AddressGuard(SystemResolver(), FetchLimits(lookup_seconds=0.05))
        urls = [guard.read(f"http://s{number}.silent.example/") for number in range(400)]
        failures = await asyncio.gather(
            *(guard.pin(url, EVIL) for url in urls), return_exceptions=True
        )
        assert {type(failure) for failure in failures} == {FetchFailed}
        assert dns.silent == 32
        assert str(await guard.pin(guard.read("http://good.example/"), ACME)) == PUBLIC

    run(story)


def test_silent_endpoints_of_one_tenant_leave_webhooks_of_others(
    dns: Dns, dialled: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", dns.getaddrinfo)
    silent = [
        replace(ENDPOINT, tenant_id=EVIL, url=f"http://s{number}.silent.example/")
        for number in range(256)
    ]

    async def story() -> None:
        webhook_sender = WebhookSender(
            SystemResolver(), SECRETS, timeout_seconds=0.1, tls=TRUSTS_NOBODY
        )
        now = datetime.now(UTC)
        answers = await asyncio.gather(
            *(webhook_sender.post(each, DELIVERY, now) for each in silent)
        )
        assert not any(answer.is_well for answer in answers)
        assert dialled == []
        await webhook_sender.post(replace(ENDPOINT, url="http://good.example/"), DELIVERY, now)
        assert dialled == [(PUBLIC, 80)]

    run(story)


def test_however_many_tenants_are_silent_the_next_one_finds_a_place(dns: Dns) -> None:
    async def story() -> None:
        resolver = SystemResolver(max_threads=16, per_tenant=8)
        with (
            asking(resolver, TenantId("a"), names=20),
            asking(resolver, TenantId("b"), names=20),
            asking(resolver, TenantId("c"), names=20),
            asking(resolver, TenantId("d"), names=20),
        ):
            await until(lambda: dns.silent == 15)  # 8, 4, 2 and 1
            assert await resolver.lookup("good.example.", ACME) == [ip_address(PUBLIC)]
            assert dns.silent == 15

    run(story)


def test_a_place_is_free_again_once_dns_answers_and_the_queue_goes_on(dns: Dns) -> None:
    async def story() -> None:
        resolver = SystemResolver(max_threads=2, per_tenant=1)
        with asking(resolver, EVIL, names=1):
            await until(lambda: dns.silent == 1)
            waiting = [
                asyncio.ensure_future(resolver.lookup(f"n{number}.example.", EVIL))
                for number in range(5)
            ]
            await asyncio.sleep(0)
            assert sum(dns.asked.values()) == 1
            dns.answer.set()
            assert await asyncio.gather(*waiting) == [[ip_address(PUBLIC)]] * 5

    run(story)


def test_one_who_gives_up_in_the_queue_leaves_nothing_behind(dns: Dns) -> None:
    async def story() -> None:
        resolver = SystemResolver(max_threads=2, per_tenant=1)
        with asking(resolver, EVIL, names=1):
            await until(lambda: dns.silent == 1)
            waiting = asyncio.ensure_future(resolver.lookup("later.example.", EVIL))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            dns.answer.set()
            assert await resolver.lookup("good.example.", EVIL) == [ip_address(PUBLIC)]
        assert dns.asked["later.example."] == 0

    run(story)


def test_a_name_is_asked_for_once_by_all_of_a_tenant_at_once(dns: Dns) -> None:
    async def story() -> None:
        resolver = SystemResolver()
        both = [asyncio.ensure_future(resolver.lookup("silent.example.", ACME)) for _ in range(9)]
        other = asyncio.ensure_future(resolver.lookup("silent.example.", EVIL))
        await until(lambda: dns.silent == 2)  # tenants have nothing in common
        dns.answer.set()
        assert await asyncio.gather(*both, other) == [[ip_address(PUBLIC)]] * 10
        assert dns.silent == 2

    run(story)


def test_a_name_that_was_silent_is_refused_at_once_until_its_look_up_has_ended(dns: Dns) -> None:
    async def story() -> None:
        resolver = SystemResolver()
        with asking(resolver, ACME, names=1):
            await until(lambda: dns.silent == 1)
        await asyncio.sleep(0)
        with pytest.raises(OSError, match="not answered"):
            await resolver.lookup("s0.silent.acme.", ACME)
        assert dns.silent == 1
        dns.answer.set()
        await until(lambda: not any(thread.is_alive() for thread in dns.threads))
        assert await resolver.lookup("s0.silent.acme.", ACME) == [ip_address(PUBLIC)]

    run(story)


def test_a_name_that_does_not_exist_is_an_os_error_for_each_who_asks(dns: Dns) -> None:
    async def story() -> None:
        resolver = SystemResolver(max_threads=1)
        asked = [resolver.lookup("missing.example.", ACME) for _ in range(3)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(answer) for answer in answers} == {socket.gaierror}

    run(story)


def test_no_thread_keeps_a_process_from_its_end(dns: Dns) -> None:
    async def story() -> None:
        with asking(SystemResolver(), ACME, names=3):
            await until(lambda: dns.silent == 3)

    run(story)
    assert all(thread.daemon for thread in dns.threads)
    assert any(thread.is_alive() for thread in dns.threads)


def test_a_closed_resolver_starts_nothing_more(dns: Dns) -> None:
    async def story() -> None:
        resolver = SystemResolver(max_threads=2, per_tenant=1)
        with asking(resolver, EVIL, names=2):
            await until(lambda: dns.silent == 1)
            resolver.close()
            dns.answer.set()
            await until(lambda: not any(thread.is_alive() for thread in dns.threads))
            await asyncio.sleep(0)
        assert dns.silent == 1

    run(story)
