"""What the platform on this machine consists of, and what each part needs before it may start."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from cli.api_client import responds_ok
from cli.local_platform.services import (
    COMMAND_API,
    DECIDER,
    DISPATCHER,
    ERASER,
    NOTIFIER,
    OPERATOR,
    PROJECTIONS,
    QUERY_API,
    TRANSFORMER,
    WORKER,
    RunningService,
)
from cli.local_platform.supervision import (
    ManagedProcess,
    ProgressReporter,
    SupervisedComponent,
    SupervisedProcess,
    SupervisedStep,
)
from infra.local_cluster import LocalServer

KAFKA, CASSANDRA, TOPICS, TABLES = "kafka", "cassandra", "topics", "tables"
SERVERS = (CASSANDRA, KAFKA, TOPICS, TABLES)

NEEDS: Mapping[str, tuple[str, ...]] = {
    CASSANDRA: (),
    KAFKA: (),
    TOPICS: (KAFKA,),
    TABLES: (CASSANDRA, KAFKA),  # a view begins with where the log ends
    DECIDER.name: (KAFKA, TOPICS),
    DISPATCHER.name: (KAFKA, TOPICS),
    OPERATOR.name: (KAFKA, TOPICS, CASSANDRA, TABLES),
    WORKER.name: (KAFKA, TOPICS),
    NOTIFIER.name: (KAFKA, TOPICS),
    PROJECTIONS.name: (KAFKA, TOPICS, CASSANDRA, TABLES),
    TRANSFORMER.name: (),
    COMMAND_API.name: (KAFKA, TOPICS),
    QUERY_API.name: (CASSANDRA, TABLES),
    ERASER.name: (KAFKA, TOPICS),
}
"""Without any of these at its start a part ends at once; each names only earlier ones.

Whatever else a part uses, it waits for by itself. ARCHITECTURE.md shows this table.
"""

_SERVER_SECONDS = 180.0
_SERVICE_SECONDS = 60.0
_LONGEST_WORDS = 300

ExclusiveStart = Callable[[str, Callable[[], object]], None]


class ServerProcess:
    """A server of the cluster as a supervised process; ``start_alone`` runs a start undisturbed."""

    startup_seconds = _SERVER_SECONDS

    def __init__(
        self, server: LocalServer, start_alone: ExclusiveStart, progress: ProgressReporter
    ) -> None:
        self._server = server
        self._start_alone = start_alone
        self._name = server.name.lower()
        self._launch = partial(server.launch, lambda said: progress(f"{self._name}: {said}"))

    @property
    def pid(self) -> int | None:
        """The pid while it runs."""
        return self._server.pid

    def is_outdated(self) -> bool:
        """Never: a server on another port refuses to be launched, and says so."""
        return False

    def answers(self) -> bool:
        """Tell whether it answers a client."""
        return self._server.is_ready()

    def start(self) -> None:
        """Launch it, and do not wait for its answer."""
        self._start_alone(self._name, self._launch)

    def last_log_line(self) -> str:
        """Give the last line of its log."""
        return self._server.last_lines(1)[:_LONGEST_WORDS]


class ServiceProcess:
    """A service as a supervised process; with a ``port`` it answers when ``/readyz`` does."""

    startup_seconds = _SERVICE_SECONDS

    def __init__(
        self, service: RunningService, start_alone: ExclusiveStart, port: int | None
    ) -> None:
        self._service = service
        self._start_alone = start_alone
        self._port = port

    @property
    def pid(self) -> int | None:
        """The pid while it runs."""
        return self._service.pid

    def is_outdated(self) -> bool:
        """Tell whether it runs with other settings than it would be started with now."""
        return self._service.is_outdated()

    def answers(self) -> bool:
        """Tell whether it is ready, as far as it can be asked."""
        return self._port is None or responds_ok(f"http://127.0.0.1:{self._port}/readyz")

    def start(self) -> None:
        """Run it; one with other settings is stopped first."""
        self._start_alone(self._service.service.name, self._service.start)

    def last_log_line(self) -> str:
        """Give the last line of its log."""
        return self._service.last_lines(1)[:_LONGEST_WORDS]


def supervised_components(
    processes: Mapping[str, ManagedProcess],
    steps: Mapping[str, Callable[[], str]],
    progress: ProgressReporter,
    now: Callable[[], float] = time.monotonic,
    names: Sequence[str] = tuple(NEEDS),
) -> list[SupervisedComponent]:
    """Put the named parts together, each with what it needs."""
    parts: dict[str, SupervisedComponent] = {}
    for name in names:
        needs = [parts[need] for need in NEEDS[name]]
        parts[name] = (
            SupervisedStep(name, steps[name], needs, progress, now)
            if name in steps
            else SupervisedProcess(name, processes[name], needs, progress, now)
        )
    return list(parts.values())
