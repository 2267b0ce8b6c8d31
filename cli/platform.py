"""The whole platform on this machine: servers, topics, tables, services."""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cli.http import answers_ok
from cli.services import COMMAND_API, QUERY_API, REBUILDING, RunningService, Services
from cli.waiting import wait_for
from infra.cluster import Cluster
from infra.cluster.locking import locked
from infra.errors import InfraError
from infra.log_bounds import LogBounds
from infra.settings import Settings, load
from infra.topic_admin import apply_topics, check_topics
from projections.views import apply_views

_READY_SECONDS = 60.0
_LOG_LINES_SHOWN = 15

Progress = Callable[[str], None]


class ServiceDied(InfraError):
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
        self.cluster = Cluster(
            self.directory / "cluster", settings.kafka.port, settings.cassandra.port
        )
        environment = self._environment(extra or {})
        self.services = Services(self.directory, environment)
        self.rebuilding = RunningService(REBUILDING, self.directory, environment)
        self._wanted = self.directory / "run" / "wanted"  # there from ``up`` until ``down``

    def up(self, progress: Progress) -> None:
        """Start all that does not run and return when it answers; twice is as good as once.

        Raises an InfraError that says what to do; what did start keeps running.
        """
        with self._alone():
            self._wanted.touch()
            self._start(progress)

    def revive(self, progress: Progress) -> bool:
        """Start what does not run, as ``up`` does, unless ``down`` came first; then False."""
        with self._alone():
            if not self.is_wanted():
                return False
            self._start(progress)
            return True

    def is_wanted(self) -> bool:
        """Tell whether ``up`` was the last that was typed, not ``down``."""
        return self._wanted.exists()

    def ended(self) -> list[str]:
        """Name every server and service that does not run."""
        return [
            *(server.name.lower() for server in self.cluster.servers if server.pid is None),
            *(name for name, service in self.services.running.items() if service.pid is None),
        ]

    def _start(self, progress: Progress) -> None:
        self._start_servers(progress)
        self.services.start(progress)
        for service in (COMMAND_API, QUERY_API):
            self._wait_until_ready(self.services[service])
            progress(f"{service.name}: answers")

    def up_servers(self, progress: Progress) -> None:
        """Start Kafka and Cassandra and make what is missing in them, and no service; as ``up``."""
        with self._alone():
            self._start_servers(progress)

    def down(self, progress: Progress) -> None:
        """Stop everything; the data stays."""
        self._wanted.unlink(missing_ok=True)  # first, so that a watch does not wait for the lock
        with self._alone():
            self._wanted.unlink(missing_ok=True)  # an ``up`` that was under way has ended
            self.rebuilding.stop()
            self.services.stop(progress)
            self.cluster.down(progress)

    def apply(self, progress: Progress) -> None:
        """Make the topics and tables that are missing, and refuse topics that could lose events."""
        kafka = self.settings.kafka.connection()
        made = apply_topics(kafka)
        check_topics(kafka)
        apply_views(self.settings.cassandra, LogBounds(kafka).ends)
        progress(f"topics and tables: {f'{len(made)} topics made' if made else 'as declared'}")

    def check_services(self) -> None:
        """Raise ServiceDied, with the end of its log, when one of them does not run."""
        for service in self.services.running.values():
            if service.pid is None:
                raise ServiceDied(
                    f"{service.service.name} does not run any more. {service.log} ends with:"
                    f"\n{service.last_lines(_LOG_LINES_SHOWN)}"
                )

    def _start_servers(self, progress: Progress) -> None:
        self.cluster.up(progress)
        self.apply(progress)

    def _wait_until_ready(self, service: RunningService) -> None:
        settings = self.settings
        port = (
            settings.command_api.port if service.service == COMMAND_API else settings.query_api.port
        )

        def is_ready() -> bool:
            self.check_services()
            return answers_ok(f"http://127.0.0.1:{port}/readyz")

        wait_for(
            is_ready, f"{service.service.name} to be ready (see {service.log})", _READY_SECONDS
        )

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
            write_private(place, secrets.token_hex(32))
        return ",".join(self.settings.installation_secrets().texts)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with locked(self.directory / "up.lock"):
            yield


def local_platform(extra: Mapping[str, str] | None = None) -> Platform:
    """Take the platform that the environment describes; raises SettingsWrong."""
    return Platform(load(), extra)


def write_private(place: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    new = place.with_name(f"{place.name}.new")
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(place)
