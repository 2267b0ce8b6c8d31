"""Each part of the platform is brought up and kept up by itself, and nothing happens unsaid."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

import pytest

from cli.local_platform.components import NEEDS, SERVERS
from cli.local_platform.supervision import SupervisedComponent
from cli.local_platform.supervisor import PlatformNotUp, PlatformSupervisor
from infra.file_lock import locked
from tests.support.eventually import eventually
from tests.support.supervised_platform import World


@pytest.fixture
def world() -> World:
    """Everything has come up a while ago."""
    up = World()
    up.run(until=100)
    assert all(part.is_up for part in up.parts)
    assert len(up.starts) == len(NEEDS)
    up.said.clear()
    return up


def test_what_each_part_needs_is_shown_in_the_architecture() -> None:
    text = Path("ARCHITECTURE.md").read_text()
    _, _, table = text.partition("| part | needs at its start |\n|---|---|\n")
    rows = [line.strip("| ").split(" | ") for line in table.partition("\n\n")[0].splitlines()]

    assert {
        name: tuple(need for need in needs.split(", ") if need in NEEDS) for name, needs in rows
    } == NEEDS


def test_everything_is_started_once_and_as_soon_as_it_may(world: World) -> None:
    at = {name: seconds for seconds, name in world.starts}

    assert at["kafka"] == at["cassandra"] == at["transformer"] == 0
    assert at["topics"] == at["command-api"] == at["decider"] == 6
    assert at["tables"] == at["query-api"] == at["projections"] == 25


def test_a_cassandra_that_is_killed_every_half_minute_holds_up_only_who_needs_it(
    world: World,
) -> None:
    """Command API and decider are killed once meanwhile, and are there again in two seconds."""
    kills = [(float(at), "cassandra") for at in range(110, 700, 30)]
    world.run(until=700, kills=[*kills, (200.0, "command-api"), (410.0, "decider")])

    assert world.started("command-api") == [6, 201]
    assert world.started("decider") == [6, 411]
    assert [name for at, name in world.starts if at > 100 and name not in SERVERS] == [
        "command-api",
        "decider",
    ]
    assert world.started("cassandra")[1:] == [111, 142, 174, 208, 246, 292, 380, 470, 560, 650]


def test_what_it_needs_is_waited_for_and_named(world: World) -> None:
    world.run(until=150, kills=[(100.0, "cassandra"), (100.0, "query-api")])

    assert world.told("query-api") == [
        "ended (the last line of query-api); starting again in 1 s",
        "waits for cassandra",
        "starting",
        "up",
    ]
    assert world.started("query-api")[-1] == 126  # with Cassandra's first answer


def test_what_ends_again_and_again_is_started_ever_later_and_by_itself(world: World) -> None:
    for _ in range(400):
        world.processes["worker"].pid = None
        world.run(until=world.seconds + 1)

    starts = world.started("worker")[1:]
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert gaps[:5] == [3, 5, 9, 17, 33]  # it ends a second after its start, and that is seen
    assert set(gaps[5:]) == {61}
    assert len(world.starts) == len(NEEDS) + len(starts)


def test_what_ran_for_long_is_started_at_once_when_it_ends(world: World) -> None:
    world.run(until=110, kills=[(100.0, "worker"), (102.0, "worker"), (105.0, "worker")])
    world.run(until=500, kills=[(400.0, "worker")])

    assert world.started("worker")[-1] == 401


def test_topics_and_tables_are_made_again_when_their_server_came_back(world: World) -> None:
    world.run(until=200, kills=[(100.0, "cassandra")])

    assert world.done == {"topics": 1, "tables": 2}


def test_a_query_api_is_revived_without_kafka(world: World) -> None:
    """It needs tables, and those were made; that they are due again holds nobody up."""
    world.processes["kafka"].slow = float("inf")
    world.run(until=120, kills=[(105.0, "kafka"), (110.0, "query-api")])

    assert world.started("query-api")[-1] == 111
    assert world.told("query-api")[-1] == "up"
    assert not world.part("kafka").is_up


def test_what_runs_with_other_settings_is_started_again_and_said(world: World) -> None:
    world.processes["worker"].outdated = True
    world.supervise_anew()
    world.run(until=105)

    assert world.told("worker") == ["runs with other settings; starting again", "up"]
    assert [name for at, name in world.starts if at >= 100] == ["topics", "tables", "worker"]


def test_what_another_one_started_again_is_said(world: World) -> None:
    world.processes["worker"].pid = 4711
    world.run(until=world.seconds + 2)

    assert world.told("worker") == ["ended, and was started by somebody else as 4711", "up"]
    assert world.started("worker") == [6]


def test_what_runs_and_does_not_answer_is_said_once_and_left_alone(world: World) -> None:
    world.processes["query-api"].pid = 4711
    world.processes["query-api"].answers_at = 300.0
    world.run(until=310)

    assert world.told("query-api") == [
        "ended, and was started by somebody else as 4711",
        "runs and has not answered for 60 s (the last line of query-api)",
        "up",
    ]


class Part(SupervisedComponent):
    """A part of a test, which does at each look what it was made with."""

    def __init__(
        self, name: str, act: Callable[["Part"], None], *needs: SupervisedComponent
    ) -> None:
        self.said: list[str] = []
        self.seconds = 0.0
        super().__init__(name, needs, self.said.append, lambda: self.seconds)
        self._act = act
        self.looks = 0

    def check(self) -> None:
        self.looks += 1
        if not self.missing():
            self._act(self)


def comes_up(part: Part) -> None:
    part.is_up = True


def fails(part: Part) -> None:
    part.mark_down("no Java")


def breaks(part: Part) -> None:
    raise RuntimeError("a bug")


def test_all_that_can_come_up_does_and_the_rest_is_named_with_its_reason() -> None:
    kafka, cassandra = Part("kafka", comes_up), Part("cassandra", fails)
    api, views = Part("api", comes_up, kafka), Part("views", comes_up, kafka, cassandra)
    pages = Part("pages", comes_up, views)

    with pytest.raises(PlatformNotUp) as said:
        PlatformSupervisor([kafka, cassandra, api, views, pages], lambda: True).bring_up()

    assert str(said.value) == (
        "cassandra: no Java\nviews: waits for cassandra\npages: waits for views"
    )
    assert api.is_up
    assert kafka.looks
    assert cassandra.looks == 1  # once it failed it is not tried again


def test_a_part_that_hangs_delays_no_other() -> None:
    let_go, wanted = Event(), [True]

    def hangs(_: Part) -> None:
        let_go.wait(60)

    hanging, other = Part("hanging", hangs), Part("other", comes_up)
    watching = Thread(target=PlatformSupervisor([hanging, other], lambda: wanted[0]).keep_up)
    watching.start()
    try:
        eventually(lambda: hanging.looks and other.looks > 1)
    finally:
        wanted[0] = False
        let_go.set()
        watching.join(10)
    assert not watching.is_alive()


def test_a_fault_in_looking_ends_no_part_s_supervision() -> None:
    broken = Part("broken", breaks)
    wanted = [True]
    watching = Thread(target=PlatformSupervisor([broken], lambda: wanted[0]).keep_up)
    watching.start()
    try:
        eventually(lambda: broken.looks > 1)
    finally:
        wanted[0] = False
        watching.join(10)
    assert broken.said[0] == (
        "broken: could not be looked at: RuntimeError('a bug'); starting again in 1 s"
    )


def test_nothing_is_started_once_somebody_stopped_it_all() -> None:
    part = Part("api", comes_up)
    with pytest.raises(PlatformNotUp, match="scalehoster down"):
        PlatformSupervisor([part], lambda: False).bring_up()
    PlatformSupervisor([part], lambda: False).keep_up()
    assert not part.looks


def test_those_who_start_parts_share_a_lock_that_stopping_waits_for(tmp_path: Path) -> None:
    lock, shared, stopped = tmp_path / "lock", Event(), Event()

    def start() -> None:
        with locked(lock, is_shared=True):
            shared.set()

    def stop() -> None:
        with locked(lock):
            stopped.set()

    starting, stopping = Thread(target=start, daemon=True), Thread(target=stop, daemon=True)
    with locked(lock, is_shared=True):
        starting.start()
        assert shared.wait(10)
        stopping.start()
        assert not stopped.is_set()
    assert stopped.wait(10)
