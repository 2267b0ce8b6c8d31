"""Operations on views over HTTP: only for operators, kept, and answered when they are over."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from command_api.app import CommandApiParts, create_app
from read_models.maintenance_tasks import TASK_ACTIONS, MaintenanceTask
from tests.support.api_keys import Keys
from tests.support.fakes.memory_maintenance_tasks import MemoryRequestBook
from tests.unit.command_api.conftest import SETTINGS

OPERATIONS: list[tuple[str, dict[str, object]]] = [
    ("rebuilds", {"view": "assets_by_date", "processes": 2}),
    ("rebuilds/assets_by_date/pause", {}),
    ("rebuilds/assets_by_date/resume", {"accept_poison": "a disk was full"}),
    ("rebuilds/assets_by_date/throttle", {"events_per_second": 500}),
    ("rebuilds/assets_by_date/cancel", {}),
    ("rebuilds/assets_by_date/compare", {}),
    ("rebuilds/assets_by_date/switch", {"accept_differences": "they were wrong"}),
    ("rebuilds/assets_by_date/rollback", {}),
    ("rebuilds/assets_by_date/drop", {"generation": 2}),
    ("consistency/check", {"view": "assets_by_date"}),
    ("consistency/repair", {"view": "assets_by_date"}),
]


@pytest.fixture
def book() -> MemoryRequestBook:
    return MemoryRequestBook()


@pytest.fixture
def operator(parts: CommandApiParts, book: MemoryRequestBook, keys: Keys) -> Iterator[TestClient]:
    app, _ = create_app(SETTINGS, replace(parts, open_task_store=lambda: book))
    headers = {"authorization": f"Bearer {keys.add(['admin'])}"}
    with TestClient(app, headers=headers) as client:
        yield client


def test_every_operation_is_kept_and_answered_once_it_is_done(
    operator: TestClient, book: MemoryRequestBook
) -> None:
    for path, body in OPERATIONS:
        answer = operator.post(f"/v1/admin/{path}", json=body)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["state"], told["view"]) == ("done", "assets_by_date")
        assert answer.headers["location"].endswith(f"/v1/admin/requests/{told['request_id']}")
        kept = book.kept[told["request_id"]]
        assert kept.arguments == {name: body[name] for name in body if name != "view"}
    assert [each.action for each in book.kept.values()] == list(TASK_ACTIONS)


def test_nobody_but_an_operator_may_ask(
    operator: TestClient, book: MemoryRequestBook, keys: Keys
) -> None:
    for header in ("", f"Bearer {keys.add(['assets:write', 'assets:read'])}"):
        for path, body in OPERATIONS:
            answer = operator.post(
                f"/v1/admin/{path}", json=body, headers={"authorization": header}
            )
            assert answer.status_code == (403 if header else 401)
    assert book.kept == {}


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("rebuilds", {}, "/view"),
        ("rebuilds", {"view": "x; DROP"}, "/view"),
        ("rebuilds", {"view": "a", "processes": 0}, "/processes"),
        ("rebuilds/a/throttle", {}, "/events_per_second"),
        ("rebuilds/a/drop", {"generation": "two"}, "/generation"),
        ("rebuilds/a/pause", {"generation": 2}, "/generation"),
        ("consistency/check", {"view": 7}, "/view"),
    ],
)
def test_what_makes_no_sense_is_not_kept(
    operator: TestClient, book: MemoryRequestBook, path: str, body: object, pointer: str
) -> None:
    answer = operator.post(f"/v1/admin/{path}", json=body)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [f"#{pointer}"]
    assert book.kept == {}


def test_what_cannot_be_done_now_is_refused_in_the_words_of_the_command(
    operator: TestClient, book: MemoryRequestBook
) -> None:
    book.carry_out = lambda asked: replace(asked, state="refused", detail="is being rebuilt")
    answer = operator.post("/v1/admin/rebuilds", json={"view": "assets_by_date"})
    assert (answer.status_code, answer.json()["detail"]) == (409, "is being rebuilt")
    assert answer.json()["type"].endswith("/problems/operation-refused")


def test_what_goes_wrong_is_not_taken_for_done(
    operator: TestClient, book: MemoryRequestBook
) -> None:
    book.carry_out = lambda asked: replace(asked, state="failed", detail="it ended")
    answer = operator.post("/v1/admin/rebuilds/a/compare")
    assert (answer.status_code, answer.json()["detail"]) == (503, "it ended")
    assert answer.json()["request_id"] in book.kept


def test_what_takes_longer_than_the_client_waits_is_answered_202(
    operator: TestClient, book: MemoryRequestBook
) -> None:
    def still_asked(asked: MaintenanceTask) -> MaintenanceTask:
        return asked

    book.carry_out = still_asked
    for prefer in ("respond-async", "wait=0"):
        answer = operator.post("/v1/admin/rebuilds/a/compare", headers={"prefer": prefer})
        assert (answer.status_code, answer.json()["state"]) == (202, "asked")
