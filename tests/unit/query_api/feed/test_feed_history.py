"""Reading what was missed: slow readers of one tenant leave history to all others."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager

import pytest

from domain.values import TenantId
from query_api.feed import missed_events
from query_api.feed.feed import FeedRequest
from tests.support.fakes.memory_log import PARTITIONS, MemoryEventLog
from tests.support.samples import ACME
from tests.support.server_sent_events import Piece, pieces

EVIL = TenantId("evil")
FOR_EVER = 3_600.0
EVENTS = 60
_LONGEST_SECONDS = 30  # a test that fails ends; none that passes waits so long


def run(story: Callable[[], Coroutine[object, object, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(_LONGEST_SECONDS):
            await story()

    asyncio.run(bounded())


async def until(holds: Callable[[], object]) -> None:
    while not holds():  # noqa: ASYNC110 - threads set no event
        await asyncio.sleep(0.001)


def log_of(*tenants: TenantId, stall_timeout_seconds: float) -> MemoryEventLog:
    log = MemoryEventLog(at_most=500, per_tenant=50, stall_timeout_seconds=stall_timeout_seconds)
    for _ in range(EVENTS):
        for tenant_id in tenants:
            log.append(tenant_id)
    return log


@asynccontextmanager
async def feed_of(log: MemoryEventLog, tenant_id: TenantId) -> AsyncIterator[AsyncGenerator[bytes]]:
    """Come back to what happened since the log began."""
    with log.listeners.join(tenant_id) as listener:
        feed_request = FeedRequest(after=dict.fromkeys(range(PARTITIONS), 0), since=None, seconds=0)
        async with aclosing(
            log.feed.stream(tenant_id, listener, feed_request, lambda: True)
        ) as stream:
            yield stream


async def events_of(log: MemoryEventLog, tenant_id: TenantId) -> list[str]:
    """Read all that a tenant missed, as fast as it comes."""
    async with feed_of(log, tenant_id) as stream:
        return [piece.event_id async for text in stream for piece in told(text)]


def told(text: bytes) -> Sequence[Piece]:
    return [piece for piece in pieces(text.decode().splitlines()) if piece.data is not None]


@asynccontextmanager
async def stalled(log: MemoryEventLog, *tenants: TenantId) -> AsyncIterator[list[TenantId]]:
    """Have each take one piece of what it missed and no more; give those that got one."""
    began: list[TenantId] = []

    async def stall(tenant_id: TenantId) -> None:
        async with feed_of(log, tenant_id) as stream:
            await anext(stream)  # where it begins
            await anext(stream)
            began.append(tenant_id)
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(stall(tenant_id)) for tenant_id in tenants]
    try:
        yield began
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_slow_readers_of_one_tenant_leave_others_their_history() -> None:
    async def story() -> None:
        log = log_of(EVIL, ACME, stall_timeout_seconds=FOR_EVER)
        async with stalled(log, *[EVIL] * 40) as began:
            await until(lambda: len(began) == 4)
            assert len(await events_of(log, ACME)) == EVENTS
            assert began == [EVIL] * 4
            assert log.most_open == 5
        assert log.open == 0

    run(story)


def test_who_takes_nothing_loses_the_slot_and_is_told_the_rest_when_it_goes_on() -> None:
    tenants = [TenantId(f"t{number}") for number in range(20)]

    async def story() -> None:
        log = log_of(*tenants, stall_timeout_seconds=0.01)
        async with stalled(log, *tenants[1:]) as began, feed_of(log, tenants[0]) as stream:
            seen = [piece.event_id async for text in _first(stream, 5) for piece in told(text)]
            await until(lambda: len(began) == 19 and not log.open)
            async for text in stream:
                seen += [piece.event_id for piece in told(text)]
        assert seen == await events_of(log, tenants[0])
        assert len(set(seen)) == EVENTS
        assert log.most_open <= 8

    run(story)


async def _first(stream: AsyncGenerator[bytes], count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield await anext(stream)


def test_who_reads_long_gives_others_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed_events, "_RECORDS_IN_TURN", 5)
    monkeypatch.setattr(missed_events, "_HISTORIES_AT_ONCE", 1)
    tenants = [TenantId(f"t{number}") for number in range(4)]

    async def story() -> None:
        log = log_of(*tenants, stall_timeout_seconds=FOR_EVER)
        alone = await events_of(log, tenants[0])
        assert len(log.opened) == 1  # nobody else waited
        together = await asyncio.gather(*(events_of(log, tenant_id) for tenant_id in tenants))
        assert together[0] == alone
        assert [len(set(each)) for each in together] == [EVENTS] * 4
        assert len(log.opened) > 4 * 10
        assert log.most_open == 1

    run(story)


def test_who_takes_a_little_now_and_then_keeps_no_place_while_others_wait() -> None:
    tenants = [TenantId(f"t{number}") for number in range(8)]

    async def story() -> None:
        log = log_of(ACME, *tenants, stall_timeout_seconds=0.05)
        taken = 0

        async def drip(tenant_id: TenantId) -> None:
            nonlocal taken
            async with feed_of(log, tenant_id) as stream:
                async for _ in stream:
                    taken += 1
                    await asyncio.sleep(0.02)  # in less than the patience there is for one piece

        async with asyncio.TaskGroup() as group:
            dripping = [group.create_task(drip(tenant_id)) for tenant_id in tenants]
            await until(lambda: log.open == 8)
            assert len(await events_of(log, ACME)) == EVENTS
            assert taken < len(tenants) * EVENTS  # none of them has seen all by then
            for task in dripping:
                task.cancel()

    run(story)
