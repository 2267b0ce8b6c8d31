"""Whether a service says truthfully that it is ready."""

import asyncio

import pytest

from infra.errors import StoreUnavailable
from infra.http.errors import NotReady
from infra.http.readiness import Readiness


class Part:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_down = False

    async def __call__(self) -> None:
        self.asked += 1
        if self.is_down:
            raise StoreUnavailable("refused by 10.1.2.3")


def test_many_who_ask_at_once_cost_one_look() -> None:
    part = Part()
    readiness = Readiness({"views": part})

    async def ask() -> list[dict[str, str]]:
        return await asyncio.gather(*(readiness.check() for _ in range(20)))

    assert asyncio.run(ask()) == [{"views": "up"}] * 20
    assert part.asked == 1


def test_one_part_that_is_down_is_named_among_the_others() -> None:
    up, down = Part(), Part()
    down.is_down = True
    with pytest.raises(NotReady) as refusal:
        asyncio.run(Readiness({"log": up, "views": down}).check())
    assert refusal.value.members == {"parts": {"log": "up", "views": "down"}}
    assert "10.1.2.3" not in refusal.value.detail


def test_a_service_that_stops_is_not_ready_any_more() -> None:
    readiness = Readiness({"views": Part()})
    asyncio.run(readiness.check())
    readiness.stop()
    with pytest.raises(NotReady):
        asyncio.run(readiness.check())
