"""What operators ask for is carried out once, and they are told what came of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from projections.maintenance import task_runner
from projections.maintenance.task_runner import TaskRunner
from projections.rebuild.errors import GenerationsDiffer
from read_models.maintenance_tasks import MaintenanceTask, TaskAction
from tests.support.fakes.memory_maintenance_tasks import MemoryRequestBook


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_runner, "_LOOK_SECONDS", 0.001)


def asked(number: int, action: TaskAction = "rebuild.compare") -> MaintenanceTask:
    at = datetime.now(UTC) - timedelta(hours=1)
    return MaintenanceTask(request_id=f"r{number}", action=action, view="v", asked_at=at)


def run(book: MemoryRequestBook, outcomes: dict[str, object]) -> int:
    """Carry everything out; tell how often something was built."""
    builds = 0

    def carry_out(request: MaintenanceTask) -> object:
        outcome = outcomes[request.request_id]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def build(_: Event) -> None:
        nonlocal builds
        builds += 1

    TaskRunner(book, carry_out, build).run(Event())
    return builds


def test_each_request_ends_with_what_came_of_it() -> None:
    book = MemoryRequestBook()
    for number in range(3):
        book.ask(asked(number))
    refused, wrong = GenerationsDiffer("it was not compared"), ValueError("no such thing")
    assert run(book, {"r0": {"before": 1, "now": 2}, "r1": refused, "r2": wrong}) == 0
    ended = [(each.state, each.detail, each.outcome) for each in book.kept.values()]
    assert ended == [
        ("done", "", {"before": 1, "now": 2}),
        ("refused", "it was not compared", None),
        ("failed", "ValueError: no such thing", None),
    ]


def test_what_was_begun_is_built_in_the_same_process() -> None:
    book = MemoryRequestBook()
    book.ask(asked(0, "rebuild.start"))
    assert run(book, {"r0": {}}) == 1


def test_one_that_died_under_somebody_is_told_as_failed_and_not_repeated() -> None:
    book = MemoryRequestBook()
    book.ask(replace(asked(0), state="running", seen_at=datetime.now(UTC) - timedelta(minutes=1)))
    book.ask(replace(asked(1), state="running", seen_at=datetime.now(UTC)))
    run(book, {})
    assert [each.state for each in book.kept.values()] == ["failed", "running"]
    assert "ask again" in book.kept["r0"].detail
