"""Whatever is killed and whenever, each part goes its own way and nothing happens unsaid."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cli.local_platform.components import NEEDS
from tests.support.supervised_platform import PROCESSES, World, needed_by

LONG = 900.0
kills = st.lists(st.tuples(st.integers(1, 600).map(float), st.sampled_from(PROCESSES)), max_size=40)


def lived(chosen: list[tuple[float, str]]) -> World:
    world = World()
    world.run(LONG, chosen)
    return world


@settings(max_examples=50)
@given(kills, st.sampled_from(tuple(NEEDS)))
def test_what_a_part_does_not_need_changes_nothing_for_it(
    chosen: list[tuple[float, str]], name: str
) -> None:
    needed = needed_by(name)
    alone = lived([(at, killed) for at, killed in chosen if killed in needed])
    among_others = lived(chosen)

    assert among_others.started(name) == alone.started(name)
    assert among_others.told(name) == alone.told(name)


@settings(max_examples=50)
@given(kills)
def test_all_is_up_in_the_end_and_every_start_has_its_reason(
    chosen: list[tuple[float, str]],
) -> None:
    world = lived(chosen)

    assert all(part.is_up for part in world.parts)
    for name in PROCESSES:
        told = world.told(name)
        starts = world.started(name)
        assert told.count("starting") == len(starts)
        assert sum("starting again in" in each for each in told) == len(starts) - 1
        # Doubled pauses: however often it was killed, it was not started more often than that.
        assert len(starts) <= 1 + sum(killed == name for _, killed in chosen)


@settings(max_examples=50)
@given(kills)
def test_nothing_is_started_before_what_it_needs(chosen: list[tuple[float, str]]) -> None:
    world = World()
    tried = World.can_run
    for process in world.processes.values():
        start = process.start

        def checked(name: str = process.name, start: object = start) -> None:
            assert tried(world, name)
            assert callable(start)
            start()

        process.start = checked  # type: ignore[method-assign] # it looks first
    world.run(LONG, chosen)
