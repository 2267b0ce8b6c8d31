"""``scalehoster webhooks``: what is asked of the command API, and what is shown."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from cli.api_client import ApiProblem

ENDPOINT: dict[str, Any] = {
    "endpoint_id": "e1",
    "url": "https://example.com/hooks",
    "event_types": ["asset.published", "asset.rejected"],
    "description": "the shop",
    "created_at": "2026-11-23T12:00:00Z",
    "is_enabled": False,
    "disabled_because": "gone",
    "disabled_at": "2026-11-24T12:00:00Z",
    "failing_since": None,
    "secret": None,
    "links": {},
}
ATTEMPT: dict[str, Any] = {
    "webhook_id": "w1",
    "event_id": "v1",
    "public_event_type": "asset.published",
    "number": 2,
    "attempted_at": "2026-11-23T12:00:00Z",
    "duration_ms": 12,
    "outcome": "failed",
    "status": 503,
    "detail": "it answered 503",
    "next_attempt_at": "2026-11-23T12:05:00Z",
    "is_redelivery": False,
}
ORDERED: dict[str, Any] = {
    "redelivery_id": "r1",
    "endpoint_id": "e1",
    "since": "2026-11-01T00:00:00Z",
    "until": "2026-11-02T00:00:00Z",
    "event_types": ["asset.published"],
}


class CommandApi:
    """Answers as the command API does; ``asked`` is what it was asked, ``keys`` under which."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.keys: list[str | None] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, request.url.raw_path.decode(), body))
        self.keys.append(request.headers.get("idempotency-key"))
        assert request.headers["authorization"] == "Bearer shk_test"
        match request.method, request.url.path:
            case "GET", "/v1/webhooks":
                return httpx2.Response(200, json={"items": [ENDPOINT]})
            case "POST", "/v1/webhooks":
                return httpx2.Response(201, json=ENDPOINT | {"secret": "whsec_[once]"})
            case "DELETE", "/v1/webhooks/e1":
                return httpx2.Response(200, json=ENDPOINT)
            case "GET", "/v1/webhooks/e1/deliveries":
                return httpx2.Response(200, json={"items": [ATTEMPT]})
            case "POST", "/v1/webhooks/e1/redeliver":
                return httpx2.Response(202, json=ORDERED)
        return httpx2.Response(404, json={"title": "No webhook endpoint has this id."})


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandApi:
    api = CommandApi()
    client = httpx2.Client

    def connected(**options: Any) -> httpx2.Client:  # noqa: ANN401 - handed through
        return client(transport=httpx2.MockTransport(api), **options)

    monkeypatch.setattr("cli.api_client.httpx2.Client", connected)
    monkeypatch.setattr("cli.output.console.width", 300)  # else words are cut
    monkeypatch.setenv("SCALEHOSTER_DATA_DIR", str(tmp_path))
    (tmp_path / "demo-api-key").write_text("shk_test")
    return api


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["webhooks", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_endpoints_are_listed_with_how_they_fare(api: CommandApi) -> None:
    told = run("list")
    for word in ("e1", "https://example.com/hooks", "off (gone)", "asset.published", "the shop"):
        assert word in told
    assert json.loads(run("list", "--json")) == [ENDPOINT]
    assert api.asked[0] == ("GET", "/v1/webhooks", None)


def test_an_endpoint_is_registered_and_its_secret_is_shown(api: CommandApi) -> None:
    url = "https://example.com/hooks"
    told = run("create", url, "--type", "asset.published", "--type", "asset.rejected")
    assert "whsec_[once]" in told
    body = {"url": url, "event_types": ["asset.published", "asset.rejected"]}
    assert api.asked == [("POST", "/v1/webhooks", body)]


def test_under_the_same_name_an_endpoint_is_registered_once(api: CommandApi) -> None:
    url = "https://example.com/hooks"
    assert json.loads(run("create", url, "--name", "shop", "--json"))["secret"] == "whsec_[once]"
    run("create", url, "--name", "shop")
    run("create", url)
    assert api.keys[:2] == ["cli-shop", "cli-shop"]
    assert api.keys[2] not in (None, "cli-shop")
    assert api.asked[0][2] == {"url": url}


def test_an_endpoint_is_removed(api: CommandApi) -> None:
    assert "e1" in run("delete", "e1")
    assert api.asked == [("DELETE", "/v1/webhooks/e1", None)]


def test_the_last_attempts_are_shown(api: CommandApi) -> None:
    told = run("deliveries", "e1", "--limit", "5")
    for word in ("asset.published", "failed", "503", "2026-11-23T12:05:00Z", "it answered 503"):
        assert word in told
    assert json.loads(run("deliveries", "e1", "--json")) == [ATTEMPT]
    paths = [path for _, path, _ in api.asked]
    assert paths == [f"/v1/webhooks/e1/deliveries?limit={n}" for n in (5, 20)]


def test_a_stretch_of_history_is_told_again(api: CommandApi) -> None:
    words = ("--from", "2026-11-01", "--to", "2026-11-02", "--type", "asset.published")
    assert "r1" in run("redeliver", "e1", *words)
    assert json.loads(run("redeliver", "e1", "--from", "2026-11-01", "--json")) == [ORDERED]
    wish = {"from": "2026-11-01", "to": "2026-11-02", "types": ["asset.published"]}
    at = "/v1/webhooks/e1/redeliver"
    assert api.asked == [("POST", at, wish), ("POST", at, {"from": "2026-11-01"})]


@pytest.mark.usefixtures("api")
def test_what_the_api_refuses_is_said() -> None:
    result = CliRunner().invoke(app, ["webhooks", "delete", "e2"])
    assert isinstance(result.exception, ApiProblem)
    assert "No webhook endpoint has this id." in str(result.exception)
