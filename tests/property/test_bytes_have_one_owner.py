"""No interleaving loses bytes that anybody shows, and none leaves bytes that nobody does."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.erasure import asset_purge, blob_gc
from tests.support.byte_owners import World

STEPS = (
    *("insert", "insert", "insert", "work", "work", "work", "work"),
    *("go_on", "go_on", "go_on", "go_on", "go_on", "go_on", "go_on", "go_on", "kill"),
    *("decide", "decide", "decide", "decide", "decide", "fail", "forget", "come_again"),
    *("delete", "delete", "restore", "purge_asset", "purge_asset", "reprocess", "refresh"),
    *("replace", "replace", "revert", "reject", "make_on_demand"),
    *("purge", "purge", "discard", "discard", "restart", "away", "pass_time"),
)
steps = st.lists(
    st.tuples(st.sampled_from(STEPS), st.integers(0, 3), st.integers(0, 3)),
    min_size=60,
    max_size=100,
)


@pytest.fixture(scope="module", autouse=True)
def _nobody_sleeps() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        for module in (asset_purge, blob_gc):
            patched.setattr(module, "_POLL_SECONDS", 0.0)
        yield


async def take(world: World, name: str, one: int, other: int) -> None:
    """Take one step."""
    match name:
        case "insert":
            world.insert(one, other)
        case "replace":
            world.replace_source(one, other)
        case "delete" | "restore" | "purge_asset" | "reprocess" | "refresh":
            verbs = ("delete", "restore", "purge_asset", "reprocess", "refresh")
            world.change(verbs.index(name), one)
        case "revert":
            world.revert(one, other)
        case "come_again":
            world.come_again(4 * one + other)
        case "work":
            world.work(one, other)
        case "reject":
            world.reject(one)
        case "make_on_demand":
            world.make_on_demand(one, other)
        case "go_on":
            await world.go_on(one)
        case "kill":
            world.kill(one)
        case "decide":
            world.decide(3 + one)
        case "fail":
            world.decide(3 + one, fails=True)
        case "forget":
            world.decide(3 + one, forgets=True)
        case "purge":
            await world.purge()
        case "discard":
            await world.discard()
        case "restart":
            world.restart()
        case "away":
            world.store.is_away = not world.store.is_away
        case "pass_time":
            world.pass_time()


@settings(max_examples=200, deadline=None)
@given(steps)
def test_bytes_that_anybody_shows_are_there_and_no_others_are_left(
    chosen: list[tuple[str, int, int]],
) -> None:
    async def story() -> None:
        world = World()
        for number, (name, one, other) in enumerate(chosen):
            await take(world, name, one, other)
            missing = world.must_be_there() - world.store.blobs.keys()
            assert not missing, f"lost by step {number}, {name}"
        await world.come_to_rest()
        assert world.must_be_there() <= world.store.blobs.keys() <= world.may_be_there()

    asyncio.run(story())
