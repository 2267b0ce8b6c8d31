"""The whole platform on this machine: servers, topics, tables, services."""

import os
import secrets
from collections.abc import Callable, Mapping, Sequence

from cli.local_platform.components import (
    NEEDS,
    SERVERS,
    TABLES,
    TOPICS,
    ServerProcess,
    ServiceProcess,
    supervised_components,
)
from cli.local_platform.services import COMMAND_API, QUERY_API, REBUILDING, RunningService, Services
from cli.local_platform.supervision import ManagedProcess, ProgressReporter, StoppedOnPurpose
from cli.local_platform.supervisor import PlatformSupervisor
from infra.blobs.durable_files import write_durably
from infra.errors import InfraError
from infra.file_lock import locked
from infra.kafka.admin import apply_topics, check_topics
from infra.kafka.offsets.log_bounds import LogBounds
from infra.local_cluster import LocalCluster
from infra.settings import Settings, load
from read_models.installation import apply_views

_LOG_LINES_SHOWN = 15


class ServiceEnded(InfraError):
    """A service ended by itself."""


class Platform:
    """What ``scalehoster up`` starts and ``down`` stops, kept in one data directory.

    ``extra`` are settings for the services beyond those of the environment. Any process may start,
    look at and stop the same platform.
    """

    def __init__(self, settings: Settings, extra: Mapping[str, str] | None = None) -> None:
        self.settings = settings
        self.directory = settings.data_dir.absolute()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.cluster = LocalCluster(
            self.directory / "cluster", settings.kafka.port, settings.cassandra.port
        )
        environment = self._environment(extra or {})
        self.services = Services(self.directory, environment)
        self.rebuilding = RunningService(REBUILDING, self.directory, environment)
        self._starting = self.directory / "up.lock"
        self._wanted = self.directory / "run" / "wanted"  # there from ``up`` until ``down``

    def up(self, progress: ProgressReporter) -> None:
        """Start all that does not run and return when it answers; twice is as good as once.

        Each part is started as soon as what it needs is there (``NEEDS``). Raises PlatformNotUp,
        which says of each part that did not come up why; all others keep running.
        """
        self._wanted.touch()
        self._supervisor(progress).bring_up()

    def watch(self, progress: ProgressReporter) -> None:
        """Start all that does not run, and start again what ends, until ``down``."""
        self._wanted.touch()
        self._supervisor(progress).keep_up()

    def up_servers(self, progress: ProgressReporter) -> None:
        """Start Kafka and Cassandra and make what is missing in them, and no service; as ``up``."""
        self._wanted.touch()
        self._supervisor(progress, SERVERS).bring_up()

    def is_wanted(self) -> bool:
        """Tell whether ``up`` was the last that was typed, not ``down``."""
        return self._wanted.exists()

    def down(self, progress: ProgressReporter) -> None:
        """Stop everything; the data stays."""
        self._wanted.unlink(missing_ok=True)  # first, so that a watch does not wait for the lock
        with locked(self._starting):  # whatever is being started is there to be stopped
            self.rebuilding.stop()
            self.services.stop(progress)
            self.cluster.down(progress)

    def check_services(self) -> None:
        """Raise ServiceEnded, with the end of its log, when one of them does not run."""
        for service in self.services.running.values():
            if service.pid is None:
                raise ServiceEnded(
                    f"{service.service.name} does not run any more. {service.log} ends with:"
                    f"\n{service.last_lines(_LOG_LINES_SHOWN)}"
                )

    def _supervisor(
        self, progress: ProgressReporter, names: Sequence[str] = tuple(NEEDS)
    ) -> PlatformSupervisor:
        ports = {
            COMMAND_API.name: self.settings.command_api.port,
            QUERY_API.name: self.settings.query_api.port,
        }
        processes: dict[str, ManagedProcess] = {
            server.name.lower(): ServerProcess(server, self._start_alone, progress)
            for server in self.cluster.servers
        }
        for name, service in self.services.running.items():
            processes[name] = ServiceProcess(service, self._start_alone, ports.get(name))
        steps = {TOPICS: self._apply_topics, TABLES: self._apply_tables}
        return PlatformSupervisor(
            supervised_components(processes, steps, progress, names=names), self.is_wanted
        )

    def _start_alone(self, name: str, start: Callable[[], object]) -> None:
        """Start one part while neither ``down`` nor anybody else starts or stops it."""
        with (
            locked(self._starting, is_shared=True),
            locked(self.directory / "run" / f"{name}.lock"),
        ):
            if not self.is_wanted():
                raise StoppedOnPurpose
            start()

    def _apply_topics(self) -> str:
        """Make the topics that are missing, and refuse topics that could lose events."""
        kafka = self.settings.kafka.connection()
        made = apply_topics(kafka)
        check_topics(kafka)
        return f"{len(made)} made" if made else "as declared"

    def _apply_tables(self) -> str:
        """Make the tables of views that are missing."""
        apply_views(self.settings.cassandra, LogBounds(self.settings.kafka.connection()).ends)
        return "as declared"

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        return {
            **os.environ,
            "SCALEHOSTER_DATA_DIR": str(self.directory),
            "SCALEHOSTER_SECRET": self._secret(),
            **extra,
        }

    def _secret(self) -> str:
        """Return the configured secret, or one made once for this data directory."""
        place = self.directory / "secret"
        if not self.settings.secret and not place.exists():
            write_durably(place, secrets.token_hex(32).encode())
        return ",".join(self.settings.installation_secrets().texts)


def local_platform(extra: Mapping[str, str] | None = None) -> Platform:
    """Take the platform that the environment describes; raises SettingsWrong."""
    return Platform(load(), extra)
