"""The platform's own processes on this machine: start, look, stop."""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local_cluster.detached_process import DetachedProcess

_CODE = Path(__file__).parents[2]
_STOP_SECONDS = 25  # a service drains for up to 20 s
_PREFIX = "SCALEHOSTER_"
_METRICS_PORT = "SCALEHOSTER_METRICS_PORT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One process of ARCHITECTURE.md: what to call it, and which module runs it."""

    name: str
    module: str


COMMAND_API = Service(name="command-api", module="command_api")
DECIDER = Service(name="decider", module="command_api.decider")
DISPATCHER = Service(name="dispatcher", module="streams.ingestion.dispatcher")
OPERATOR = Service(name="operator", module="streams.bulk_operations")
WORKER = Service(name="worker", module="streams.ingestion.worker")
NOTIFIER = Service(name="notifier", module="streams.webhooks")
PROJECTIONS = Service(name="projections", module="projections")
TRANSFORMER = Service(name="transformer", module="streams.rendering.on_demand")
QUERY_API = Service(name="query-api", module="query_api")
ERASER = Service(name="eraser", module="streams.erasure")
REBUILDING = Service(name="rebuilding", module="projections.rebuild")  # ends by itself

SERVICES = (
    DECIDER,
    DISPATCHER,
    OPERATOR,
    WORKER,
    NOTIFIER,
    PROJECTIONS,
    TRANSFORMER,
    COMMAND_API,
    QUERY_API,
    ERASER,
)
"""In the order in which they start. Metrics ports count by it: append a new service at the end."""


class RunningService:
    """A service under one data directory; it outlives its starter.

    A second start changes nothing, unless the settings differ from those it runs with: then it is
    stopped and started again.
    """

    def __init__(self, service: Service, directory: Path, environment: Mapping[str, str]) -> None:
        self.service = service
        self._environment = dict(environment)
        self._settings_file = directory / "run" / f"{service.name}.settings"
        self._mark = f"--of={directory.absolute()}"
        (directory / "run").mkdir(parents=True, exist_ok=True)
        (directory / "logs").mkdir(parents=True, exist_ok=True)
        self._process = DetachedProcess(
            mark=self._mark,
            pid_file=(directory / "run" / f"{service.name}.pid").absolute(),
            log=(directory / "logs" / f"{service.name}.log").absolute(),
        )

    @property
    def pid(self) -> int | None:
        """The pid while it runs."""
        return self._process.pid

    @property
    def log(self) -> Path:
        """Where it writes what happens."""
        return self._process.log

    def last_lines(self, count: int) -> str:
        """Return the end of its log."""
        return self._process.last_lines(count)

    def start(self) -> bool:
        """Run it with these settings; False when it runs so already."""
        if self.pid is not None:
            if not self.is_outdated():
                return False
            self.stop()
        self._settings_file.write_text(_digest(self._environment))
        command = [sys.executable, "-m", self.service.module, self._mark]
        self._process.spawn(command, {**self._environment, "PYTHONPATH": str(_CODE)})
        return True

    def is_outdated(self) -> bool:
        """Tell whether it was started with other settings than these."""
        file = self._settings_file
        return not file.exists() or file.read_text() != _digest(self._environment)

    def ask_to_stop(self) -> None:
        """Begin a clean stop and do not wait for it."""
        self._process.ask_to_stop()

    def stop(self) -> None:
        """Stop it cleanly; kill it when it takes longer than it may."""
        self._process.stop(within_seconds=_STOP_SECONDS)

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()


class Services:
    """All of them, in the order in which they start."""

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str],
        services: tuple[Service, ...] = SERVICES,
    ) -> None:
        self.running = {
            service.name: RunningService(service, directory, _apart(environment, number))
            for number, service in enumerate(services)
        }

    def __getitem__(self, service: Service) -> RunningService:
        return self.running[service.name]

    def start(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Start what does not run, or runs with other settings."""
        for name, service in self.running.items():
            if service.start():
                progress(f"{name}: starting")

    def stop(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Stop what runs, all at once, and return when nothing does."""
        running = [service for service in self.running.values() if service.pid is not None]
        for service in running:
            service.ask_to_stop()
        for service in running:
            service.stop()
            progress(f"{service.service.name}: stopped")


def _apart(environment: Mapping[str, str], number: int) -> Mapping[str, str]:
    """Give each service a metrics port of its own, counted up from the one that is set."""
    first = int(environment.get(_METRICS_PORT, "0"))
    return {**environment, _METRICS_PORT: str(first + number)} if first else environment


def _digest(environment: Mapping[str, str]) -> str:
    """Name what a service was started with, without telling the secrets among it."""
    settings = {name: value for name, value in environment.items() if name.startswith(_PREFIX)}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
