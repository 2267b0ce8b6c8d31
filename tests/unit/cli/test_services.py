import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local_platform.services import SERVICES, RunningService, Service
from tests.support.eventually import eventually

IDLER = Service(name="idler", module="tests.support.idle_process")


def service(directory: Path, **settings: str) -> RunningService:
    environment = {**os.environ, **{f"SCALEHOSTER_{n}": v for n, v in settings.items()}}
    return RunningService(IDLER, directory, environment)


@pytest.fixture
def idler(tmp_path: Path) -> Iterator[RunningService]:
    running = service(tmp_path, LOG_LEVEL="info")
    running.start()
    eventually(lambda: "idling" in running.last_lines(1))
    yield running
    running.kill()


def test_a_service_is_started_once(idler: RunningService) -> None:
    pid = idler.pid
    assert pid is not None
    assert idler.start() is False
    assert idler.pid == pid


def test_other_settings_start_it_anew(idler: RunningService, tmp_path: Path) -> None:
    before = idler.pid
    changed = service(tmp_path, LOG_LEVEL="debug")
    assert changed.start() is True
    assert changed.pid not in (None, before)


def test_a_service_outlives_whoever_looks_at_it(idler: RunningService, tmp_path: Path) -> None:
    assert service(tmp_path).pid == idler.pid


def test_a_stopped_service_is_gone(idler: RunningService) -> None:
    idler.stop()
    assert idler.pid is None
    idler.stop()


def test_a_killed_service_is_started_again(idler: RunningService) -> None:
    before = idler.pid
    idler.kill()
    assert idler.pid is None
    assert idler.start() is True
    assert idler.pid not in (None, before)


def test_each_service_keeps_the_metrics_port_that_dashboards_know() -> None:
    assert [service.name for service in SERVICES] == [
        "decider",
        "dispatcher",
        "operator",
        "worker",
        "notifier",
        "projections",
        "transformer",
        "command-api",
        "query-api",
        "eraser",
    ], "ports are counted up in this order: append a new service at the end"


def test_what_it_was_started_with_is_kept_without_its_secrets(tmp_path: Path) -> None:
    running = service(tmp_path, SECRET="hunter2")
    running.start()
    running.kill()
    kept = "".join(file.read_text() for file in (tmp_path / "run").iterdir())
    assert "hunter2" not in kept
