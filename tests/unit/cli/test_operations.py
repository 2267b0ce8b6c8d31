"""``scalehoster operations``: what is asked of the APIs, and what is shown."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from cli.commands.operation_progress import watch_operation

OPERATION: dict[str, Any] = {
    "operation_id": "o1",
    "kind": "tag",
    "state": "completed",
    "reverts": None,
    "started_at": "2026-11-23T12:00:00Z",
    "progress": {
        "total": 3,
        "done": 3,
        "changed": 3,
        "unchanged": 0,
        "conflicts": 0,
        "refused": {},
        "assets_per_minute": 60,
        "eta_seconds": None,
    },
}
Answering = Callable[[httpx2.Request], httpx2.Response]


class Apis:
    """Answers for both APIs; ``asked`` is what they were asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.operation = dict(OPERATION)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, request.url.path, body))
        if request.url.path.endswith("/items"):
            return httpx2.Response(200, json={"items": [], "next": None})
        if request.method == "POST" and body and body.get("dry_run"):
            shown = {"asset_id": "a", "field": "tags", "before": [], "after": ["x"]}
            refused = {"asset-is-purged": 1}
            preview = {"matched": 4, "count": 3, "refused": refused, "category_problem": None}
            preview |= {"seconds_at_rate": 1, "items": [shown]}
            return httpx2.Response(200, json=preview)
        if request.method == "POST":
            return httpx2.Response(202, json={"operation_id": "o1", "state": "running"})
        if request.url.path == "/v1/operations":
            return httpx2.Response(200, json={"items": [self.operation]})
        return httpx2.Response(200, json=self.operation)


@pytest.fixture
def apis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Apis:
    apis = Apis()
    client = httpx2.Client

    def connected(**options: Any) -> httpx2.Client:  # noqa: ANN401 - handed through
        return client(transport=httpx2.MockTransport(apis), **options)

    monkeypatch.setattr("cli.api_client.httpx2.Client", connected)
    monkeypatch.setenv("SCALEHOSTER_DATA_DIR", str(tmp_path))
    (tmp_path / "demo-api-key").write_text("shk_test")
    return apis


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["operations", *words])
    return result.exit_code, result.output


def test_a_wish_is_spelled_as_the_api_wants_it(apis: Apis) -> None:
    words = ("tag", "--category", "cats", "--tag", "x", "--tag", "y", "--per-second", "5")
    code, _ = run("start", *words)
    assert code == 0
    assert apis.asked[0] == (
        "POST",
        "/v1/operations",
        {"kind": "tag", "filter": {"category": "cats"}, "tags": ["x", "y"], "per_second": 5},
    )


def test_a_dry_run_shows_what_would_change(apis: Apis) -> None:
    code, told = run("start", "tag", "--all", "--tag", "x", "--dry-run")
    assert code == 0
    assert "3 of 4 assets would change" in told
    assert "1 would be refused: asset-is-purged" in told
    assert [path for _, path, _ in apis.asked] == ["/v1/operations"]


def test_what_was_not_all_done_is_exit_3(apis: Apis) -> None:
    assert run("status", "o1")[0] == 0
    apis.operation["progress"] = OPERATION["progress"] | {"conflicts": 1}
    assert run("status", "o1")[0] == 3
    assert run("status")[0] == 0


@pytest.mark.parametrize("word", ["pause", "resume", "cancel"])
def test_steering_is_one_word(apis: Apis, word: str) -> None:
    code, told = run(word, "o1", "--json")
    assert code == 0
    assert json.loads(told)[0]["operation"] == "o1"
    assert apis.asked == [("POST", f"/v1/operations/o1/{word}", {})]


def test_a_revert_is_followed_and_its_items_are_shown(apis: Apis) -> None:
    assert run("revert", "o1", "--follow")[0] == 0
    assert run("items", "o1", "--result", "conflict", "--json") == (0, "[]\n")


def test_following_ends_with_the_operation() -> None:
    states = iter(["running", "completed"])
    found = watch_operation(lambda: OPERATION | {"state": next(states)}, until_ended=True)
    assert found["state"] == "completed"
