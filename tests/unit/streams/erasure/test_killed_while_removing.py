"""Whoever is killed around a removal is followed by one who ends what was begun."""

import asyncio

import pytest

from domain.asset.commands import ConfirmErasure
from infra.failpoints import Failpoint
from streams.erasure import asset_purge, blob_gc
from tests.support.byte_owners import DELAY, World

FAILPOINTS: list[Failpoint] = [
    "purger.after_keys_before_bytes",
    "purger.after_some_bytes",
    "purger.after_bytes_before_commit",
    "discarding.after_some_bytes",
    "discarding.before_confirming",
    "discarding.after_bytes_before_commit",
]


class Killed(BaseException):
    """What an armed failpoint does to a process, as far as this test can."""


async def purged() -> World:
    """Purge one asset of two that were published from the same picture, with an upload refused."""
    world = World()
    for whose in (0, 1):
        world.insert(whose, 1)
    world.insert(3, 2)
    world.decide(3)
    for which in (0, 1):
        world.work(which, 1)
    while world.executions:
        await world.go_on(0)
    for verb in (0, 2):
        world.change(verb, 0)
    world.decide(9)
    return world


@pytest.mark.parametrize("name", FAILPOINTS)
def test_what_was_begun_is_ended_and_confirmed_and_nothing_else_is_touched(
    name: Failpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaths: list[Failpoint] = []

    def die_once(here: Failpoint) -> None:
        if here == name and not deaths:
            deaths.append(here)
            raise Killed

    for module in (asset_purge, blob_gc):
        monkeypatch.setattr(module, "pass_by", die_once)
        monkeypatch.setattr(module, "_POLL_SECONDS", 0.0)

    async def story() -> None:
        world = await purged()
        kept = world.must_be_there()
        assert kept
        assert len(world.store.blobs) > len(kept)
        for number in range(40):
            world.now += DELAY if number == 10 else 0 * DELAY
            try:
                await world.purge()
                await world.discard()
            except Killed:
                world.restart()
            assert kept <= world.store.blobs.keys()
        assert deaths == [name]
        assert world.store.blobs.keys() == kept
        confirmed = [each for each in world.commands if isinstance(each, ConfirmErasure)]
        assert len({each.metadata.command_id for each in confirmed}) == 1

    asyncio.run(story())
