"""A detached program and its pid file."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local_cluster.detached_process import DetachedProcess
from tests.support.eventually import eventually

MARK = "-Dmark=ours"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[DetachedProcess]:
    found = DetachedProcess(mark=MARK, pid_file=tmp_path / "pid", log=tmp_path / "log")
    yield found
    found.kill()


def program(source: str) -> list[str]:
    return [sys.executable, "-c", source, MARK]


WAITS = program("import signal; print('waiting', flush=True); signal.pause()")
IGNORES_SIGTERM = program(
    "import signal; signal.signal(15, signal.SIG_IGN); print('waiting', flush=True); signal.pause()"
)


def start(process: DetachedProcess, command: list[str]) -> None:
    process.spawn(command)
    eventually(lambda: "waiting" in process.last_lines(1))


def test_a_started_program_is_found_by_its_pid_file(
    process: DetachedProcess, tmp_path: Path
) -> None:
    start(process, WAITS)
    again = DetachedProcess(mark=MARK, pid_file=tmp_path / "pid", log=tmp_path / "log")
    assert again.pid == process.pid is not None
    assert again.arguments[-1] == MARK


def test_a_started_program_is_in_no_session_of_ours(process: DetachedProcess) -> None:
    start(process, WAITS)
    assert process.pid
    assert os.getsid(process.pid) != os.getsid(0)


def test_a_pid_taken_over_by_a_stranger_is_stale(process: DetachedProcess, tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(str(os.getpid()))
    assert process.pid is None
    process.kill()  # and this process lives on


@pytest.mark.parametrize("content", ["", "not a number", "999999999"])
def test_a_senseless_pid_file_is_stale(
    process: DetachedProcess, tmp_path: Path, content: str
) -> None:
    (tmp_path / "pid").write_text(content)
    assert process.pid is None


def test_a_program_that_ended_is_seen_to_be_gone(process: DetachedProcess) -> None:
    process.spawn(program("print('over')"))
    eventually(lambda: process.pid is None)
    assert process.last_lines(1) == "over"


def test_stopping_ends_it(process: DetachedProcess) -> None:
    start(process, WAITS)
    process.stop(within_seconds=10)
    assert process.pid is None


def test_a_program_that_will_not_stop_is_killed(process: DetachedProcess) -> None:
    start(process, IGNORES_SIGTERM)
    process.stop(within_seconds=0.1)
    assert process.pid is None


def test_the_log_of_the_run_before_is_kept(process: DetachedProcess, tmp_path: Path) -> None:
    process.spawn(program("print('first')"))
    eventually(lambda: process.pid is None)
    start(process, WAITS)
    assert (tmp_path / "log.1").read_text() == "first\n"
