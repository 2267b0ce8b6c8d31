"""Places that tenants share."""

import asyncio
from contextlib import ExitStack

import pytest

from domain.values import TenantId
from infra.errors import Overloaded
from infra.http.tenant_slots import TenantSlots
from tests.support.samples import ACME

EVIL = TenantId("evil")


def held_by(places: TenantSlots, tenant_id: TenantId, held: ExitStack) -> int:
    """Take as many places as there are for a tenant."""
    for count in range(1_000):
        try:
            held.enter_context(places.take(tenant_id))
        except Overloaded:
            return count
    raise AssertionError("there is no bound")


@pytest.mark.parametrize(("most", "alone"), [(1, 1), (2, 1), (5, 3), (8, 4), (1_000, 500)])
def test_one_tenant_never_holds_all(most: int, alone: int) -> None:
    with ExitStack() as held:
        assert held_by(TenantSlots(most, "things"), EVIL, held) == alone


def test_whoever_comes_next_finds_a_place() -> None:
    places = TenantSlots(100, "things")
    with ExitStack() as held:
        got = [held_by(places, TenantId(f"tenant-{number}"), held) for number in range(6)]
    assert got == [50, 25, 13, 6, 3, 2]
    assert places.taken == 0


def test_places_come_back_however_the_work_ended() -> None:
    places = TenantSlots(1, "things")
    for _ in range(2):
        with pytest.raises(LookupError), places.take(ACME):
            raise LookupError
    assert places.taken == 0


async def work(places: TenantSlots, tenant_id: TenantId, order: list[str], name: str) -> None:
    async with places.wait_for_slot(tenant_id):
        order.append(name)
        await asyncio.sleep(0)


def test_who_waits_gets_the_next_place_and_none_is_lost() -> None:
    async def story() -> list[str]:
        places, order = TenantSlots(4, "things", wait_seconds=10), list[str]()
        await asyncio.gather(*(work(places, ACME, order, f"{n}") for n in range(10)))
        assert places.taken == 0
        return order

    assert asyncio.run(story()) == [f"{n}" for n in range(10)]


def test_a_tenant_that_holds_little_goes_before_one_that_holds_much() -> None:
    async def story() -> list[str]:
        places, order = TenantSlots(4, "things", wait_seconds=10), list[str]()
        with ExitStack() as held:
            assert held_by(places, EVIL, held) == 2
            assert held_by(places, ACME, held) == 1
            waiting = [
                asyncio.create_task(work(places, tenant_id, order, tenant_id))
                for tenant_id in (EVIL, EVIL, ACME)
            ]
            await asyncio.sleep(0)
            assert order == []
            held.close()
            await asyncio.gather(*waiting)
        assert places.taken == 0
        return order

    assert asyncio.run(story())[0] == ACME


def test_nobody_waits_for_ever_and_only_so_many_at_once() -> None:
    async def story() -> None:
        places = TenantSlots(2, "things", wait_seconds=0.05)
        with ExitStack() as held:
            assert held_by(places, EVIL, held) == 1
            waiting = [asyncio.create_task(work(places, EVIL, [], "evil")) for _ in range(20)]
            await asyncio.sleep(0)
            assert sum(not each.done() for each in waiting) == 4, "half of four for each place"
            async with places.wait_for_slot(ACME):
                pass
            assert all(
                isinstance(error, Overloaded)
                for error in await asyncio.gather(*waiting, return_exceptions=True)
            )
        assert places.taken == 0

    asyncio.run(story())


def test_of_many_who_give_up_at_once_none_keeps_a_place() -> None:
    async def story() -> None:
        places = TenantSlots(4, "things", wait_seconds=10)
        with ExitStack() as held:
            held_by(places, ACME, held)
            working = [asyncio.create_task(work(places, EVIL, [], "evil")) for _ in range(6)]
            await asyncio.sleep(0)
            for each in working:
                each.cancel()
            held.close()
            await asyncio.gather(*working, return_exceptions=True)
        assert places.taken == 0

    asyncio.run(story())


@pytest.mark.parametrize("seconds", [0.0, 10.0])
def test_a_place_that_came_in_the_moment_of_giving_up_is_passed_on(seconds: float) -> None:
    async def story() -> None:
        places = TenantSlots(1, "things", wait_seconds=seconds)
        held = ExitStack()
        held.enter_context(places.take(ACME))
        waiting = asyncio.create_task(work(places, EVIL, [], "evil"))
        await asyncio.sleep(0)
        held.close()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert places.taken == 0
        with places.take(ACME):
            pass

    asyncio.run(story())


def test_who_may_wait_for_ever_is_bounded_by_nothing_but_what_is_said() -> None:
    async def story() -> int:
        places, order = TenantSlots(1, "things", wait_seconds=None, most_waiting=60), list[str]()
        with ExitStack() as held:
            assert held_by(places, EVIL, held) == 1
            waiting = [asyncio.create_task(work(places, ACME, order, f"{n}")) for n in range(40)]
            await asyncio.sleep(0)
            assert places.has_waiters
            waiting[0].cancel()  # in the moment in which its turn comes
        await asyncio.gather(*waiting, return_exceptions=True)
        assert places.taken == 0
        assert not places.has_waiters
        return len(order)

    assert asyncio.run(story()) == 29
