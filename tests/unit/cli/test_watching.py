from collections.abc import Callable
from dataclasses import dataclass, field

from cli.watching import watch
from infra.errors import BrokerUnavailable


@dataclass(kw_only=True)
class FakePlatform:
    """Runs two services; ``script`` says what happens at each look."""

    script: list[Callable[["FakePlatform"], None]]
    down: set[str] = field(default_factory=set)
    wanted: bool = True
    revivals: list[set[str]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    def ended(self) -> set[str]:
        if self.script:
            self.script.pop(0)(self)
        else:
            self.wanted = False
        return set(self.down)

    def revive(self, _: Callable[[str], None]) -> bool:
        if not self.wanted:
            return False
        if self.failures:
            raise self.failures.pop()
        self.revivals.append(set(self.down))
        self.down.clear()
        return True

    def is_wanted(self) -> bool:
        return self.wanted


def ends(name: str) -> Callable[[FakePlatform], None]:
    return lambda platform: platform.down.add(name)


def nothing(_: FakePlatform) -> None:
    pass


@dataclass
class Clock:
    """Time passes only while somebody pauses."""

    seconds: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.seconds

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds


def watched(platform: FakePlatform) -> tuple[list[str], Clock]:
    said: list[str] = []
    clock = Clock()
    watch(platform, said.append, clock.now, clock.pause)
    return said, clock


def test_what_ended_is_started_again_and_named() -> None:
    platform = FakePlatform(script=[nothing, ends("worker"), nothing])
    said, _ = watched(platform)
    assert platform.revivals == [{"worker"}]
    assert said == ["worker: ended; starting again in 1 s"]


def test_what_ends_again_and_again_is_started_ever_later() -> None:
    platform = FakePlatform(script=[ends("worker")] * 9)
    _, clock = watched(platform)
    assert clock.pauses[:9] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_what_ran_for_long_is_started_at_once_when_it_ends() -> None:
    platform = FakePlatform(script=[*[ends("worker")] * 3, *[nothing] * 200, ends("worker")])
    said, _ = watched(platform)
    assert said[-1] == "worker: ended; starting again in 1 s"


def test_a_start_that_fails_is_said_and_tried_again() -> None:
    silent = BrokerUnavailable("Kafka does not answer")
    platform = FakePlatform(script=[ends("kafka"), nothing], failures=[silent])
    said, _ = watched(platform)
    assert "Kafka does not answer" in said
    assert platform.revivals == [{"kafka"}]


def test_the_watch_ends_when_all_was_stopped_on_purpose() -> None:
    def stopped(platform: FakePlatform) -> None:
        platform.down |= {"worker", "kafka"}
        platform.wanted = False

    platform = FakePlatform(script=[stopped])
    watched(platform)
    assert platform.revivals == []
