import asyncio
from collections.abc import Sequence

import pytest

from domain.failures import FailureCode
from domain.values import TenantId
from streams.ingestion.worker.fault_breaker import FaultBreaker

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
CRASH: FailureCode = "decoder_crashed"
INTERNAL: FailureCode = "internal"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def turn(_seconds: float = 0.0) -> None:
    """Wait until everything else that can go on has gone on once."""
    await asyncio.sleep(0)


def after(codes: Sequence[FailureCode | None], *tenants: TenantId) -> tuple[FaultBreaker, Clock]:
    """Make a breaker that saw jobs end so, of these tenants in turn."""
    clock = Clock()
    breaker = FaultBreaker(clock, turn)

    async def story() -> None:
        for number, code in enumerate(codes):
            if breaker.is_resting:
                return
            async with breaker.attempt((tenants or (ACME,))[number % (len(tenants) or 1)]) as ended:
                ended(code)

    asyncio.run(story())
    return breaker, clock


def test_work_goes_on_while_only_some_jobs_fail() -> None:
    assert not after(9 * [INTERNAL, None, INTERNAL])[0].is_resting


@pytest.mark.parametrize("code", ["timeout", "http_status", "corrupt_image", "decoder_timeout"])
def test_what_sources_do_is_no_fault_of_ours(code: FailureCode) -> None:
    assert not after(40 * [code], ACME, GLOBEX)[0].is_resting


def test_a_bad_deployment_rests() -> None:
    assert after(20 * [INTERNAL])[0].is_resting
    assert after(20 * [CRASH], ACME, GLOBEX)[0].is_resting


def test_one_tenant_alone_cannot_stop_the_others_with_pictures_that_crash() -> None:
    assert not after(40 * [CRASH], ACME)[0].is_resting


def probe(breaker: FaultBreaker, code: FailureCode | None) -> None:
    async def one() -> None:
        async with breaker.attempt(ACME) as ended:
            ended(code)

    asyncio.run(one())


def test_after_a_pause_one_job_shows_whether_it_is_over() -> None:
    breaker, clock = after(20 * [INTERNAL])
    clock.now = 30

    probe(breaker, None)

    assert not breaker.is_resting
    probe(breaker, "internal")
    assert not breaker.is_resting, "one is no bad deployment"


def test_a_pause_in_vain_is_followed_by_a_longer_one() -> None:
    breaker, clock = after(20 * [INTERNAL])
    clock.now = 30
    probe(breaker, "internal")

    assert breaker.is_resting
    clock.now = 30 + 60
    probe(breaker, "http_status")
    assert not breaker.is_resting


def test_jobs_wait_while_it_rests_and_only_one_tries() -> None:
    breaker, clock = after(20 * [INTERNAL])
    inside: list[str] = []
    release = asyncio.Event()

    async def work(name: str) -> None:
        async with breaker.attempt(ACME) as ended:
            inside.append(name)
            await release.wait()
            ended(None)

    async def turns() -> None:
        for _ in range(10):
            await turn()

    async def story() -> None:
        tasks = [asyncio.create_task(work(name)) for name in ("a", "b", "c")]
        await turns()
        assert inside == []
        clock.now = 30
        await turns()
        assert len(inside) == 1
        release.set()
        await asyncio.gather(*tasks)
        assert sorted(inside) == ["a", "b", "c"]

    asyncio.run(story())


def test_one_that_tries_and_is_put_off_is_followed_by_another() -> None:
    breaker, clock = after(20 * [INTERNAL])
    clock.now = 30

    async def put_off() -> None:
        async with breaker.attempt(ACME):
            raise RuntimeError("put off")

    with pytest.raises(RuntimeError):
        asyncio.run(put_off())
    assert breaker.is_resting
    probe(breaker, None)
    assert not breaker.is_resting
