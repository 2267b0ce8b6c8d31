import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from domain.failures import FailureCode
from domain.source_url.addresses import Address
from domain.values import TenantId
from streams.ingestion.fetcher import Fetcher, FetchFailed, FetchLimits
from streams.ingestion.fetcher.circuit_breakers import CircuitBreakers
from tests.support.fakes.fetcher_fakes import FakeResolver
from tests.support.samples import ACME

EVIL = TenantId("evil")
HOST, OTHER = "dead.example", "well.example"


class Host:
    """Breakers with a clock that a test sets, and visits that end as it says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.breakers = CircuitBreakers(3, 30.0, lambda: self.now)

    def visit(self, code: FailureCode | None = None, host: str = HOST) -> FetchFailed | None:
        try:
            with self.breakers.visit(host):
                self._end(code)
        except FetchFailed as error:
            return error
        return None

    def _end(self, code: FailureCode | None) -> None:
        if code:
            raise FetchFailed(code, "as the test says")

    def is_left_alone(self, host: str = HOST) -> bool:
        refusal = self.visit(host=host)
        return refusal is not None and refusal.detail != "as the test says"


@pytest.mark.parametrize("code", ["connect_failure", "dns_failure", "timeout"])
def test_a_host_that_cannot_be_reached_is_left_alone_for_a_while(code: FailureCode) -> None:
    host = Host()
    for _ in range(3):
        host.visit(code)

    refusal = host.visit()
    assert refusal
    assert (refusal.code, refusal.is_transient) == ("connect_failure", True)
    assert refusal.retry_after_seconds == 30
    assert host.breakers.open_count == 1
    assert not host.is_left_alone(OTHER)

    host.now = 30
    assert not host.is_left_alone()
    assert host.breakers.open_count == 0


@pytest.mark.parametrize("code", ["http_status", "too_large", None])
def test_whoever_answers_is_reached(code: FailureCode | None) -> None:
    host = Host()
    for _ in range(2):
        host.visit("timeout")
    host.visit(code)
    host.visit("timeout")

    assert not host.is_left_alone()


def test_after_the_while_one_tries_for_all() -> None:
    host = Host()
    for _ in range(3):
        host.visit("timeout")
    host.now = 30

    with host.breakers.visit(HOST):
        assert host.is_left_alone(), "the others wait for the one that tries"
    assert not host.is_left_alone()


def test_who_tries_in_vain_keeps_it_closed() -> None:
    host = Host()
    for _ in range(3):
        host.visit("timeout")
    host.now = 30
    host.visit("timeout")

    host.now = 59
    assert host.is_left_alone()
    host.now = 60
    assert not host.is_left_alone()


def test_one_who_tries_and_vanishes_is_followed_by_another() -> None:
    host = Host()
    for _ in range(3):
        host.visit("timeout")
    host.now = 30
    with pytest.raises(asyncio.CancelledError), host.breakers.visit(HOST):
        raise asyncio.CancelledError

    host.now = 60
    assert not host.is_left_alone()


def test_the_fetcher_asks_no_more_of_a_host_that_is_gone(tmp_path: Path) -> None:
    resolver = FakeResolver()

    async def scenario() -> list[FailureCode]:
        fetcher = Fetcher(resolver, FetchLimits(breaker_failures=2))
        codes = []
        for number in range(4):
            try:
                await fetcher.fetch(
                    f"http://{HOST}/{number}", tenant_id=ACME, into=tmp_path / str(number)
                )
            except FetchFailed as error:
                codes.append(error.code)
        return codes

    assert asyncio.run(scenario()) == 2 * ["dns_failure"] + 2 * ["connect_failure"]
    assert len(resolver.asked) == 2


def test_visits_of_one_tenant_keep_no_other_away_from_a_host(tmp_path: Path) -> None:
    resolver = FakeResolver()

    async def scenario() -> list[FailureCode]:
        fetcher = Fetcher(resolver, FetchLimits(breaker_failures=2))
        codes = []
        for number, tenant_id in enumerate([EVIL, EVIL, EVIL, ACME]):
            try:
                await fetcher.fetch(
                    f"http://{HOST}/{number}", tenant_id=tenant_id, into=tmp_path / str(number)
                )
            except FetchFailed as error:
                codes.append(error.code)
        return codes

    ours = asyncio.run(scenario())[-1]
    assert ours == "dns_failure"
    assert len(resolver.asked) == 3


def test_a_fetch_that_hangs_for_one_tenant_keeps_no_other_away(tmp_path: Path) -> None:
    class SilentFor(FakeResolver):
        async def lookup(self, host: str, tenant_id: TenantId) -> Sequence[Address]:
            found = await super().lookup(host, tenant_id)
            if tenant_id == EVIL:
                await asyncio.Event().wait()
            return found

    resolver = SilentFor({f"{HOST}.": ["127.0.0.1"]})

    async def scenario() -> list[FailureCode]:
        fetcher = Fetcher(resolver, FetchLimits(breaker_failures=1, deadline_seconds=0.05))
        codes = []
        for tenant_id in (EVIL, ACME):
            with pytest.raises(FetchFailed) as failed:
                await fetcher.fetch(
                    f"http://{HOST}/", tenant_id=tenant_id, into=tmp_path / "source"
                )
            codes.append(failed.value.code)
        return codes

    assert asyncio.run(scenario()) == ["timeout", "blocked_address"]
