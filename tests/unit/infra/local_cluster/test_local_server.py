"""Starting a server, shown with one that is a few lines of Python."""

import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from infra.local_cluster.errors import (
    DiskNearlyFull,
    PortTaken,
    RunsOnOtherPort,
    ServerDied,
    ServerSilent,
)
from infra.local_cluster.local_server import LocalServer
from infra.local_cluster.ports import free_port

LISTENS = """\
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    server.accept()
"""
DIES = "import sys; sys.exit('the configuration is wrong')"
HANGS = "import signal; signal.pause()"


class SmallServer(LocalServer):
    """Answers when its port accepts a connection."""

    name = "Small"
    version = "1"
    javas: ClassVar[tuple[int, ...]] = ()
    port_setting = "SCALEHOSTER_SMALL__PORT"
    program = LISTENS

    def _prepare(self, progress: Callable[[str], None]) -> list[str]:
        marks = [self._folder_mark, self._port_mark]
        return [sys.executable, "-c", self.program, str(self.port), *marks]

    def _answers(self) -> bool:
        return True


@dataclass
class FullDisk:
    free: int = 1_000_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SmallServer]:
    made = SmallServer(tmp_path, free_port(), jars_directory=tmp_path, heap_megabytes=1)
    yield made
    made.kill()


def test_a_server_that_runs_is_not_started_again(server: SmallServer) -> None:
    server.start()
    pid = server.pid
    server.start()
    assert server.pid == pid is not None


def test_a_killed_server_starts_again(server: SmallServer) -> None:
    server.start()
    server.kill()
    assert not server.is_ready()
    server.start()
    assert server.is_ready()


def test_the_status_tells_a_running_server_from_one_that_does_not(server: SmallServer) -> None:
    assert server.status().pid is None
    server.start()
    assert server.status().is_ready
    assert server.status().address == f"127.0.0.1:{server.port}"


def test_stopping_what_does_not_run_is_no_error(server: SmallServer) -> None:
    server.stop()


def test_a_taken_port_is_named_with_the_setting_that_changes_it(server: SmallServer) -> None:
    with (
        socket.create_server(("127.0.0.1", server.port)),
        pytest.raises(PortTaken, match=rf"{server.port}.*SCALEHOSTER_SMALL__PORT"),
    ):
        server.start()


def test_somebody_elses_server_on_the_port_is_not_ours(server: SmallServer) -> None:
    with socket.create_server(("127.0.0.1", server.port)):
        assert not server.is_ready()


def test_a_server_left_on_another_port_is_named(server: SmallServer) -> None:
    server.start()
    moved = SmallServer(
        server.directory, free_port(), jars_directory=server.directory, heap_megabytes=1
    )
    with pytest.raises(RunsOnOtherPort, match="make down"):
        moved.start()


def test_no_server_starts_on_a_full_disk(tmp_path: Path) -> None:
    server = SmallServer(
        tmp_path,
        free_port(),
        jars_directory=tmp_path,
        heap_megabytes=1,
        disk_usage=lambda _: FullDisk(),
    )
    with pytest.raises(DiskNearlyFull, match="Make room"):
        server.start()


def test_a_server_that_dies_shows_the_end_of_its_log(server: SmallServer) -> None:
    server.program = DIES
    with pytest.raises(ServerDied, match="the configuration is wrong"):
        server.start()


def test_a_server_that_stays_silent_is_reported_and_left_for_a_look(server: SmallServer) -> None:
    server.program = HANGS
    server.launch()
    with pytest.raises(ServerSilent):
        server.wait_until_ready(within_seconds=0)
    assert server.pid is not None
