"""A machine on which parts of the platform are started, answer and are killed, in made-up time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cli.local_platform.components import NEEDS, TABLES, TOPICS, supervised_components
from cli.local_platform.supervision import SupervisedComponent
from infra.errors import BrokerUnavailable

STEPS = (TOPICS, TABLES)
PROCESSES = tuple(name for name in NEEDS if name not in STEPS)
SLOW = {"kafka": 6.0, "cassandra": 25.0, "command-api": 3.0, "query-api": 3.0}


@dataclass
class FakeProcess:
    """Answers ``slow`` seconds after its start; without what it needs it ends at once."""

    name: str
    world: "World"
    slow: float = 0.0
    startup_seconds: float = 60.0
    pid: int | None = None
    answers_at: float = 0.0
    outdated: bool = False

    def is_outdated(self) -> bool:
        return self.outdated

    def answers(self) -> bool:
        return self.pid is not None and self.world.seconds >= self.answers_at

    def start(self) -> None:
        self.world.starts.append((self.world.seconds, self.name))
        self.outdated = False
        if self.world.can_run(self.name):
            self.pid = len(self.world.starts)
            self.answers_at = self.world.seconds + self.slow

    def last_log_line(self) -> str:
        return f"the last line of {self.name}"


@dataclass
class World:
    """Runs the real supervision of fake processes, one look at each a second."""

    seconds: float = 0.0
    starts: list[tuple[float, str]] = field(default_factory=list)
    said: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.processes = {name: FakeProcess(name, self, SLOW.get(name, 0.0)) for name in PROCESSES}
        self.done = dict.fromkeys(STEPS, 0)
        self.supervise_anew()

    def supervise_anew(self) -> None:
        """Let somebody look at the machine who knows nothing of what was before."""
        self.parts = supervised_components(
            self.processes,
            {name: Step(name, self) for name in STEPS},
            lambda text: self.said.append((self.seconds, text)),
            lambda: self.seconds,
        )

    def can_run(self, name: str) -> bool:
        """Tell whether everything that a part needs is there, whatever its supervision believes."""
        return all(
            self.processes[need].answers() if need in self.processes else self.done[need] > 0
            for need in NEEDS[name]
        )

    def part(self, name: str) -> SupervisedComponent:
        return next(part for part in self.parts if part.name == name)

    def run(self, until: float, kills: Iterable[tuple[float, str]] = ()) -> None:
        """Let time pass, and kill what is to be killed then."""
        left = sorted(kills)
        while self.seconds < until:
            while left and left[0][0] <= self.seconds:
                self.processes[left.pop(0)[1]].pid = None
            for part in self.parts:
                part.check()
            self.seconds += 1.0

    def started(self, name: str) -> list[float]:
        return [at for at, started in self.starts if started == name]

    def told(self, name: str) -> list[str]:
        return [text.removeprefix(f"{name}: ") for _, text in self.said if text.startswith(name)]


@dataclass
class Step:
    """Makes topics or tables, unless a server has just gone."""

    name: str
    world: World

    def __call__(self) -> str:
        self.world.starts.append((self.world.seconds, self.name))
        if not self.world.can_run(self.name):
            raise BrokerUnavailable("gone meanwhile")
        self.world.done[self.name] += 1
        return "as declared"


def needed_by(name: str, needs: Mapping[str, Sequence[str]] = NEEDS) -> set[str]:
    """Name a part and whatever it needs, directly or not."""
    return {name}.union(*(needed_by(need, needs) for need in needs[name]))
