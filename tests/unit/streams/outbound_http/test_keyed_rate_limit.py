import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path

from domain.source_url.addresses import Address
from domain.values import TenantId
from streams.ingestion.fetcher import Fetcher, FetchLimits
from streams.outbound_http.keyed_rate_limit import KeyedRateLimit
from tests.support.samples import ACME


def test_a_host_sees_no_more_visitors_than_it_has_slots() -> None:
    async def most_visitors() -> int:
        slots, inside, most = KeyedRateLimit(2), 0, 0

        async def visit() -> None:
            nonlocal inside, most
            async with slots.slot("example.com"):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

        await asyncio.gather(*(visit() for _ in range(20)))
        return most

    assert asyncio.run(most_visitors()) == 2


def test_hosts_do_not_wait_for_each_other() -> None:
    async def scenario() -> None:
        slots = KeyedRateLimit(1)
        async with asyncio.timeout(10), slots.slot("a.example"), slots.slot("b.example"):
            pass

    asyncio.run(scenario())


def test_a_visitor_who_gives_up_waiting_leaves_nothing_behind() -> None:
    async def scenario() -> None:
        slots = KeyedRateLimit(1)

        async def visit() -> None:
            async with slots.slot("example.com"):
                pass

        async with asyncio.timeout(10):
            async with slots.slot("example.com"):
                waiting = asyncio.create_task(visit())
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait([waiting])
            async with slots.slot("example.com"):
                pass

    asyncio.run(scenario())


def test_downloads_of_a_host_begin_no_faster_than_agreed() -> None:
    now, begun = 0.0, []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    async def scenario() -> None:
        slots = KeyedRateLimit(9, per_second=4, clock=lambda: now, sleep=sleep)
        for host in ("a.example", "a.example", "b.example", "a.example"):
            async with slots.slot(host):
                begun.append((host, now))

    asyncio.run(scenario())
    assert begun == [
        ("a.example", 0.0),
        ("a.example", 0.25),
        ("b.example", 0.25),
        ("a.example", 0.5),
    ]


class CrowdedResolver:
    """Knows no name, but how many ask for one at once."""

    def __init__(self) -> None:
        self.asking = 0
        self.most_asking = 0

    async def lookup(self, host: str, tenant_id: TenantId) -> Sequence[Address]:
        self.asking += 1
        self.most_asking = max(self.most_asking, self.asking)
        await asyncio.sleep(0)
        self.asking -= 1
        raise OSError


def test_the_fetcher_visits_a_host_a_few_times_at_once(tmp_path: Path) -> None:
    resolver = CrowdedResolver()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    async def scenario() -> None:
        fetcher = Fetcher(resolver, FetchLimits(max_per_host=3), tls=tls)
        downloads = [
            fetcher.fetch(f"http://example.com/{n}", tenant_id=ACME, into=tmp_path / str(n))
            for n in range(20)
        ]
        await asyncio.gather(*downloads, return_exceptions=True)

    asyncio.run(scenario())
    assert resolver.most_asking == 3
