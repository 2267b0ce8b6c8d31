"""Who may write: every route against every kind of caller."""

from collections.abc import Mapping
from dataclasses import replace

import httpx2
import pytest
from starlette.testclient import TestClient

from command_api.app import CommandApiParts, create_app
from command_api.requests.rate_limiter import RateLimiter
from domain.values import TenantId
from infra.http.authentication.api_key_table import ApiKeyTable
from infra.http.authentication.api_keys import Scope
from infra.http.errors import RateLimited
from tests.support.api_keys import Keys
from tests.support.fakes.fake_decider import FakeDecider
from tests.unit.command_api.conftest import SETTINGS

OTHER = TenantId("other")
CAT = {"download_url": "https://example.com/cat.jpg", "category": "cats"}


HOOK = {"url": "https://example.com/hooks"}
NO_ENDPOINT = "/v1/webhooks/0190e5a2-0000-7000-8000-000000000000"
LISTS = ("/v1/assets", "/v1/assets/batch", "/v1/categories", "/v1/operations", "/v1/webhooks")


def writes(
    asset_id: str, endpoint: str = NO_ENDPOINT
) -> list[tuple[str, str, Mapping[str, object] | None]]:
    asset, category = f"/v1/assets/{asset_id}", "/v1/categories/cats"
    return [
        ("POST", "/v1/assets", CAT),
        ("POST", "/v1/assets/batch", CAT),
        ("PATCH", asset, {"title": "x"}),
        ("PUT", f"{asset}/categories", {"categories": ["cats"]}),
        ("PUT", f"{asset}/source", {"download_url": "https://example.com/b.jpg"}),
        ("POST", f"{asset}/reprocess", None),
        ("POST", f"{asset}/refresh", None),
        ("DELETE", asset, None),
        ("POST", f"{asset}/restore", None),
        ("POST", f"{asset}/purge", None),
        ("POST", "/v1/categories", {"name": "Dogs"}),
        ("PATCH", category, {"name": "Felines"}),
        ("DELETE", category, None),
        ("POST", f"{category}/restore", None),
        ("POST", "/v1/operations", {"kind": "delete", "filter": {"category": "cats"}}),
        *(
            ("POST", f"/v1/operations/{asset_id}/{word}", None)
            for word in ("pause", "resume", "cancel", "revert")
        ),
        ("POST", f"/v1/operations/{asset_id}/throttle", {"per_second": 1}),
        *hooks(endpoint),
    ]


def hooks(
    endpoint: str = NO_ENDPOINT,
) -> list[tuple[str, str, Mapping[str, object] | None]]:
    return [
        ("POST", "/v1/webhooks", HOOK),
        ("GET", "/v1/webhooks", None),
        ("GET", endpoint, None),
        ("PATCH", endpoint, {"description": "x"}),
        ("POST", f"{endpoint}/rotate-secret", None),
        ("POST", f"{endpoint}/test", None),
        ("GET", f"{endpoint}/deliveries", None),
        ("POST", f"{endpoint}/redeliver", {"from": "2026-11-23"}),
        ("DELETE", endpoint, None),
    ]


@pytest.fixture
def asset_id(client: TestClient) -> str:
    return str(client.post("/v1/assets", json=CAT).json()["asset_id"])


def test_the_matrix_has_every_route(parts: CommandApiParts) -> None:
    app, _ = create_app(SETTINGS, parts)
    documented = {
        (method.upper(), path)
        for path, item in app.openapi()["paths"].items()
        for method in item
        if path.startswith("/v1/") and not path.startswith("/v1/admin/")
    }
    named = {
        (method, path.replace("/cats", "/{category}").replace("ASSET", "{asset_id}"))
        for method, path, _ in writes("ASSET", "/v1/webhooks/{endpoint_id}")
    }
    spelled = {
        (
            method,
            path.replace("{asset_id}/{category}", "{asset_id}/categories").replace(
                "operations/{asset_id}", "operations/{operation_id}"
            ),
        )
        for method, path in named
    }
    assert spelled == documented


@pytest.mark.parametrize("scope", ["assets:read", "assets:write", "webhooks"])
def test_a_key_opens_the_routes_of_its_scope_alone(
    scope: Scope, client: TestClient, decider: FakeDecider, keys: Keys, asset_id: str
) -> None:
    """Whoever registers a webhook, or has history told again, reads all that happens."""
    about_hooks = {(method, path) for method, path, _ in hooks()}
    headers = {"authorization": f"Bearer {keys.add([scope])}"}
    for method, path, body in writes(asset_id):
        needed = "webhooks" if (method, path) in about_hooks else "assets:write"
        if needed == scope:
            continue
        happened = len(decider.sent)
        response = client.request(method, path, json=body, headers=headers)
        assert response.status_code == 403, (method, path, response.text)
        assert response.json()["missing_scope"] == needed, (method, path)
        assert len(decider.sent) == happened
    for method, path, body in writes(asset_id):
        needed = "webhooks" if (method, path) in about_hooks else "assets:write"
        if needed == scope:
            response = client.request(method, path, json=body, headers=headers)
            assert response.status_code != 403, (method, path, response.text)


@pytest.mark.parametrize(
    ("sent", "status", "name"),
    [
        (None, 401, "api-key-missing"),
        ("Basic dXNlcjpwYXNz", 401, "api-key-missing"),
        ("Bearer", 401, "api-key-missing"),
        ("Bearer shk_short", 401, "api-key-refused"),
        ("Bearer \u00fc", 401, "api-key-refused"),
        ("unknown", 401, "api-key-refused"),
        ("revoked", 401, "api-key-refused"),
        ("read only", 403, "scope-missing"),
    ],
)
def test_nobody_else_may_write_anything(
    client: TestClient,
    decider: FakeDecider,
    keys: Keys,
    asset_id: str,
    sent: str | None,
    status: int,
    name: str,
) -> None:
    revoked, unknown = keys.add(["assets:write"]), Keys(type(keys.table)()).add(["assets:write"])
    keys.revoke(revoked)
    headers = {
        "unknown": f"Bearer {unknown}",
        "revoked": f"Bearer {revoked}",
        "read only": f"Bearer {keys.add(['assets:read'])}",
    }
    del client.headers["authorization"]
    header = sent and headers.get(sent, sent)
    happened = len(decider.sent)
    for method, path, body in writes(asset_id):
        response = client.request(
            method,
            path,
            json=body,
            headers={b"authorization": header.encode("latin-1")} if header else {},
        )
        assert response.status_code == status, (method, path)
        assert response.json()["type"].endswith(f"/problems/{name}")
        assert ("www-authenticate" in response.headers) == (status == 401)
    assert len(decider.sent) == happened


def test_until_the_keys_are_read_a_client_is_asked_to_wait(
    parts: CommandApiParts, keys: Keys
) -> None:
    app, _ = create_app(SETTINGS, replace(parts, keys=ApiKeyTable()))
    headers = {"authorization": f"Bearer {keys.add(['assets:write'])}"}
    with TestClient(app, headers=headers) as client:
        for method, path, body in writes("0190e5a2-6f1c-7c39-9b0e-3f1d7a7f0c11"):
            response = client.request(method, path, json=body)
            assert response.status_code == 503, (method, path)
            assert response.json()["type"].endswith("/problems/not-ready")
            assert int(response.headers["retry-after"]) >= 1


def test_an_admin_may_write(client: TestClient, keys: Keys) -> None:
    headers = {"authorization": f"bearer {keys.add(['admin'])}"}
    assert client.post("/v1/assets", json=CAT, headers=headers).status_code == 202


def test_another_tenant_finds_nothing_of_ours(
    client: TestClient, keys: Keys, asset_id: str
) -> None:
    nobody = "0190e5a2-6f1c-7c39-9b0e-3f1d7a7f0c11"
    ours = {"authorization": f"Bearer {keys.add(['webhooks'])}"}
    endpoint = client.post("/v1/webhooks", json=HOOK, headers=ours).json()["endpoint_id"]
    headers = {"authorization": f"Bearer {keys.add(['admin'], OTHER)}", "x-request-id": "r"}
    for method, path, body in writes(asset_id, f"/v1/webhooks/{endpoint}"):
        if path in LISTS:
            continue
        absent = path.replace(asset_id, nobody).replace(endpoint, nobody)
        response = client.request(method, path, json=body, headers=headers)
        missing = client.request(method, absent, json=body, headers=headers)
        assert response.status_code == 404, (method, path)
        told = response.text.replace(asset_id, nobody).replace(endpoint, nobody)
        assert told == missing.text
    assert client.get("/v1/webhooks", headers=headers).json() == {"items": []}
    assert client.post("/v1/assets", json=CAT, headers=headers).status_code == 422  # its own tree


def test_tenants_may_use_the_same_idempotency_key(client: TestClient, keys: Keys) -> None:
    same = {"idempotency-key": "k"}
    theirs = same | {"authorization": f"Bearer {keys.add(['assets:write'], OTHER)}"}
    client.post("/v1/categories", json={"name": "Cats"}, headers=theirs)
    ours = client.post("/v1/assets", json=CAT, headers=same)
    other = client.post("/v1/assets", json=CAT, headers=theirs | {"idempotency-key": "k"})
    assert ours.json()["asset_id"] != other.json()["asset_id"]


def test_a_key_has_a_rate_and_gets_it_back_with_time() -> None:
    seconds = [0.0]
    rates = RateLimiter(2.0, of="key", clock=lambda: seconds[0])
    for _ in range(2):
        rates.take("a")
    with pytest.raises(RateLimited) as refusal:
        rates.take("a")
    assert refusal.value.headers["Retry-After"] == "1"
    rates.take("b")
    seconds[0] = 0.5
    rates.take("a")
    with pytest.raises(RateLimited):
        rates.take("a")


def test_only_what_sent_something_just_now_is_remembered() -> None:
    seconds = [0.0]
    rates = RateLimiter(2.0, of="tenant", clock=lambda: seconds[0])
    for number in range(10_000):
        rates.take(f"t{number}")
        seconds[0] += 0.1
    assert len(rates) <= 12, "a bucket is full after a second"


def test_a_tenant_with_a_thousand_keys_has_one_rate(parts: CommandApiParts, keys: Keys) -> None:
    ours = SETTINGS.command_api.model_copy(update={"requests_per_second_per_tenant": 1.0})
    app, _ = create_app(SETTINGS.model_copy(update={"command_api": ours}), parts)
    with TestClient(app) as client:

        def sent_by(key: str) -> httpx2.Response:
            headers = {"authorization": f"Bearer {key}"}
            return client.post("/v1/assets", json=CAT, headers=headers)

        theirs = [sent_by(keys.add(["assets:write"])) for _ in range(100)]
        others = sent_by(keys.add(["assets:write"], OTHER))
    refused = [each for each in theirs if each.status_code == 429]
    assert len(refused) > 90
    assert refused[0].headers["ratelimit"].startswith('"tenant";r=0;t=')
    assert others.status_code == 422, "the others have a rate of their own, and no such category"


def test_a_key_that_sends_too_much_is_told_when_to_go_on(
    parts: CommandApiParts, keys: Keys
) -> None:
    slow = SETTINGS.command_api.model_copy(update={"requests_per_second": 0.5})
    app, _ = create_app(SETTINGS.model_copy(update={"command_api": slow}), parts)
    headers = {"authorization": f"Bearer {keys.add(['assets:write'])}"}
    with TestClient(app, headers=headers) as client:
        client.post("/v1/assets", json=CAT)
        response = client.post("/v1/assets", json=CAT)
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) >= 1
    assert response.headers["ratelimit"].startswith('"key";r=0;t=')
