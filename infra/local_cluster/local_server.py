"""A server on this machine: prepared, started, probed, stopped."""

import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from infra.local_cluster.detached_process import DetachedProcess
from infra.local_cluster.errors import (
    JavaMissing,
    MavenMissing,
    RunsOnOtherPort,
    ServerDied,
    ServerSilent,
)
from infra.local_cluster.jars import find_maven, install_jars, jars_folder, pin_jars
from infra.local_cluster.java import Java, find_java
from infra.local_cluster.ports import LOOPBACK, is_listening
from infra.local_cluster.preflight_checks import DiskUsage, check_disk, check_port

_LOG_LINES_SHOWN = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServerStatus:
    """How one server is doing."""

    name: str
    version: str
    address: str
    pid: int | None
    is_ready: bool
    log: Path


class LocalServer(ABC):
    """A JVM on loopback with a folder, a port, a pid file and a log of its own.

    Every method may be called by several processes and after any crash: what runs is
    looked up, never remembered.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    javas: ClassVar[Collection[int]]
    port_setting: ClassVar[str]

    def __init__(
        self,
        directory: Path,
        port: int,
        *,
        jars_directory: Path,
        heap_megabytes: int,
        disk_usage: Callable[[Path], DiskUsage] = shutil.disk_usage,
    ) -> None:
        self.directory = directory.absolute()
        self.port = port
        self._jars_directory = jars_directory
        self._heap = f"{heap_megabytes}m"
        self._disk_usage = disk_usage
        self._port_mark = f"-Dscalehoster.port={port}"
        self._folder_mark = f"-Dscalehoster.folder={self.directory}"
        self._process = DetachedProcess(
            mark=self._folder_mark,
            pid_file=self.directory / "pid",
            log=self.directory / f"{self.name.lower()}.log",
        )

    @property
    def address(self) -> str:
        """Where clients connect, as host:port."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The pid of our server while it runs."""
        return self._process.pid

    def is_ready(self) -> bool:
        """Say whether our server runs and answers a client."""
        return self.pid is not None and is_listening(self.port) and self._answers()

    def status(self) -> LocalServerStatus:
        """Look at the server without changing anything."""
        return LocalServerStatus(
            name=self.name,
            version=self.version,
            address=self.address,
            pid=self.pid,
            is_ready=self.is_ready(),
            log=self._process.log,
        )

    def start(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Run the server and wait until it answers; does nothing when it does already.

        Raises a ClusterError that says what to do. A server that stays silent is left
        running for a look at it.
        """
        self.launch(progress)
        self.wait_until_ready(progress)

    def launch(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Run the server without waiting for it to answer."""
        if self.pid is not None:
            self._check_it_listens_where_we_want()
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        check_port(self.name, self.port, self.port_setting)
        check_disk(self.name, self.directory, self._disk_usage)
        command = self._prepare(progress)
        progress(f"starting on {self.address}")
        self._process.spawn(command)

    def wait_until_ready(
        self, progress: Callable[[str], None] = lambda _: None, within_seconds: float = 180
    ) -> None:
        """Wait for a launched server's first answer; raises ServerDied or ServerSilent."""
        deadline = time.monotonic() + within_seconds
        while not self.is_ready():
            if self.pid is None:
                raise ServerDied(f"{self.name} ended while it was starting. {self._log_says()}")
            if time.monotonic() >= deadline:
                raise ServerSilent(
                    f"{self.name} runs and has not answered for {within_seconds:.0f} s. "
                    f"{self._log_says()}"
                )
            time.sleep(0.1)
        progress(f"answers on {self.address}")

    def ask_to_stop(self) -> None:
        """Begin a clean stop and do not wait for it."""
        self._process.ask_to_stop()

    def stop(self, within_seconds: float = 30) -> None:
        """Stop the server cleanly; kill it when it takes longer. Does nothing when it is down."""
        self._process.stop(within_seconds=within_seconds)

    def kill(self) -> None:
        """End the server as a crash would."""
        self._process.kill()

    def last_lines(self, count: int) -> str:
        """Return the end of its log."""
        return self._process.last_lines(count)

    def missing_program(self) -> str | None:
        """Say which program must be installed before the server can run."""
        try:
            find_java(self.name, self.javas)
            if not jars_folder(self.name.lower(), self._jars_directory).is_dir():
                find_maven()
        except (JavaMissing, MavenMissing) as missing:
            return str(missing)
        return None

    def pin_jars(self) -> None:
        """Write the checksums of the server's jars anew; raises a ClusterError."""
        pin_jars(self.name.lower(), find_java(self.name, self.javas), self._jars_directory)

    @abstractmethod
    def _prepare(self, progress: Callable[[str], None]) -> list[str]:
        """Install, write the configuration and return the command that runs the server."""

    @abstractmethod
    def _answers(self) -> bool:
        """Ask the server something that only a working one can answer."""

    def _install(self, progress: Callable[[str], None]) -> tuple[Java, Path]:
        """Return a fitting Java and the folder of the server's jars."""
        java = find_java(self.name, self.javas)
        return java, install_jars(self.name.lower(), java, self._jars_directory, progress)

    def _jvm(self, java: Java) -> list[str]:
        """Name what every JVM of ours is called with."""
        return [
            str(java.binary),
            f"-Xms{self._heap}",
            f"-Xmx{self._heap}",
            "-XX:+ExitOnOutOfMemoryError",  # better gone and seen to be gone than half alive
            "-Djava.awt.headless=true",
            self._folder_mark,
            self._port_mark,
        ]

    def _check_it_listens_where_we_want(self) -> None:
        if self._port_mark not in self._process.arguments:
            raise RunsOnOtherPort(
                f"{self.name} of {self.directory} runs already, on another port than {self.port}. "
                f"Stop it first (make down), or set {self.port_setting} back"
            )

    def _log_says(self) -> str:
        return f"{self._process.log} ends with:\n{self._process.last_lines(_LOG_LINES_SHOWN)}"
