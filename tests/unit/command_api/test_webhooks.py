"""Webhook endpoints over HTTP: registered, shown, changed, removed, told again."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from avro_schemas.codec import encode
from command_api.app import CommandApiParts, create_app
from domain.values import EventId
from domain.webhook.delivery import WebhookAttempt, WebhookDelivery, WebhookRedelivery
from domain.webhook.endpoint import EndpointHealth, EndpointId, WebhookEndpoint
from infra.encryption import Erasure
from infra.kafka.topics import (
    WEBHOOK_ATTEMPTS,
    WEBHOOK_DELIVERIES,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_REDELIVERIES,
)
from read_models.public_events import PUBLIC_EVENT_TYPES
from read_models.webhooks.endpoint_records import endpoint_record_from_json
from read_models.webhooks.endpoint_table import WebhookEndpointTable
from tests.support.api_keys import Keys
from tests.support.fakes.memory_webhooks import SECRETS, MemoryKeys, MemoryTopics, memory_webhooks
from tests.support.keyrings import fixed_keyring, using_encryptor
from tests.support.samples import NOON
from tests.support.ssrf_vectors import DENIED
from tests.unit.command_api.conftest import SETTINGS

HOOK = {"url": "https://example.com/hooks"}
Json = dict[str, Any]


@pytest.fixture
def topics() -> MemoryTopics:
    return MemoryTopics()


@pytest.fixture
def sealing() -> MemoryKeys:
    return MemoryKeys()


@pytest.fixture
def client(
    parts: CommandApiParts, keys: Keys, topics: MemoryTopics, sealing: MemoryKeys
) -> Iterator[TestClient]:
    """Speaks for a key of acme that may have webhooks; a tenant may have three endpoints."""
    webhooks = memory_webhooks(topics, max_per_tenant=3, keys=sealing)
    app, _ = create_app(SETTINGS, replace(parts, webhooks=webhooks))
    headers = {"authorization": f"Bearer {keys.add(['webhooks'])}"}
    with TestClient(app, headers=headers) as client:
        yield client


def registered(client: TestClient, **more: object) -> Json:
    answer = client.post("/v1/webhooks", json=HOOK | more)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def path(endpoint: Json) -> str:
    return f"/v1/webhooks/{endpoint['endpoint_id']}"


def test_an_endpoint_is_registered_and_its_secret_shown_this_once(client: TestClient) -> None:
    answer = client.post("/v1/webhooks", json=HOOK)
    made = answer.json()
    assert answer.headers["location"] == f"http://127.0.0.1:3000{path(made)}"
    assert made["secret"].startswith("whsec_")
    assert made["event_types"] == list(PUBLIC_EVENT_TYPES)
    assert made["is_enabled"]
    shown = client.get(path(made)).json()
    assert shown == made | {"secret": None}
    assert client.get("/v1/webhooks").json() == {"items": [shown]}


def test_no_secret_lies_in_the_topic(client: TestClient, topics: MemoryTopics) -> None:
    made = registered(client)
    client.post(f"{path(made)}/rotate-secret")
    stored = b"".join(record.value for record in topics.records[WEBHOOK_ENDPOINTS.name])
    assert b"whsec" not in stored
    assert made["secret"].removeprefix("whsec_").encode() not in stored


def test_it_begins_where_the_log_ended_when_it_was_registered(
    client: TestClient, topics: MemoryTopics
) -> None:
    made = topics.table.get(EndpointId(registered(client)["endpoint_id"]))
    assert made is not None
    assert not made.wants("asset.published", 3, 6)
    assert made.wants("asset.published", 3, 7)
    assert not made.wants("asset.unheard_of", 3, 7)


def test_another_instance_knows_all_of_it_from_the_topic(
    client: TestClient, topics: MemoryTopics
) -> None:
    made, gone = registered(client), registered(client)
    client.post(f"{path(made)}/rotate-secret")
    client.patch(path(made), json={"is_enabled": False})
    client.delete(path(gone))
    table = WebhookEndpointTable()
    for record in topics.records[WEBHOOK_ENDPOINTS.name]:
        table.learn(record)
    endpoint_id = EndpointId(made["endpoint_id"])
    assert table.get(endpoint_id) == topics.table.get(endpoint_id)
    assert table.health(endpoint_id) == topics.table.health(endpoint_id)
    assert table.get(EndpointId(gone["endpoint_id"])) is None


def test_the_same_request_under_the_same_key_makes_one(client: TestClient) -> None:
    key = {"Idempotency-Key": "mine"}
    first = client.post("/v1/webhooks", json=HOOK, headers=key)
    again = client.post("/v1/webhooks", json=HOOK, headers=key)
    assert first.json() == again.json()
    other = client.post("/v1/webhooks", json=HOOK | {"description": "x"}, headers=key)
    assert other.status_code == 422
    assert other.json()["type"].endswith("/idempotency-key-reused")
    assert len(client.get("/v1/webhooks").json()["items"]) == 1


def test_an_address_that_is_not_public_is_refused_at_once(client: TestClient) -> None:
    for url in DENIED:
        if url.isascii():
            answer = client.post("/v1/webhooks", json={"url": url})
            assert answer.status_code == 422, url
            assert answer.json()["errors"][0]["pointer"] == "#/url"


@pytest.mark.parametrize(
    "wrong", [{"event_types": []}, {"event_types": ["asset.eaten"]}, {"secret": "mine"}, {"url": 1}]
)
def test_what_makes_no_sense_is_named(client: TestClient, wrong: Json) -> None:
    answer = client.post("/v1/webhooks", json=HOOK | wrong)
    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_a_tenant_may_have_so_many(client: TestClient) -> None:
    for _ in range(3):
        registered(client)
    answer = client.post("/v1/webhooks", json=HOOK)
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("/too-many-webhooks")


def test_what_is_changed_is_all_that_was_given(client: TestClient) -> None:
    made = registered(client, event_types=["asset.published"], description="one")
    changed = client.patch(path(made), json={"description": "two"}).json()
    assert changed == made | {"secret": None, "description": "two"}
    assert client.patch(path(made), json={}).status_code == 422
    inside = client.patch(path(made), json={"url": "http://10.0.0.1/"})
    assert inside.status_code == 422


def test_one_that_was_switched_off_is_enabled_again(
    client: TestClient, topics: MemoryTopics
) -> None:
    made = registered(client)
    endpoint_id = EndpointId(made["endpoint_id"])
    topics.table.put(
        EndpointHealth(endpoint_id=endpoint_id, disabled_at=NOON, disabled_because="gone")
    )
    shown = client.get(path(made)).json()
    assert (shown["is_enabled"], shown["disabled_because"]) == (False, "gone")
    refused = client.post(f"{path(made)}/test")
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("/webhook-is-disabled")
    enabled = client.patch(path(made), json={"is_enabled": True}).json()
    assert (enabled["is_enabled"], enabled["disabled_because"]) == (True, None)
    assert topics.table.is_on(endpoint_id)


def test_a_rotated_secret_is_another_and_rotating_is_safe_to_repeat(client: TestClient) -> None:
    made = registered(client)
    key = {"Idempotency-Key": "turn"}
    first = client.post(f"{path(made)}/rotate-secret", headers=key).json()
    again = client.post(f"{path(made)}/rotate-secret", headers=key).json()
    other = client.post(f"{path(made)}/rotate-secret").json()
    assert first["secret"] == again["secret"]
    assert len({made["secret"], first["secret"], other["secret"]}) == 3


def test_a_removed_one_is_gone(client: TestClient) -> None:
    made = registered(client)
    assert client.delete(path(made)).status_code == 200
    for answer in (client.get(path(made)), client.delete(path(made))):
        assert answer.status_code == 404
    assert client.get("/v1/webhooks/nonsense").status_code == 404


def test_the_target_of_a_removed_one_can_be_read_nowhere_any_more(
    client: TestClient, topics: MemoryTopics, sealing: MemoryKeys
) -> None:
    made = registered(client, url="https://example.com/hooks?token=canary")
    assert client.post(f"{path(made)}/test").status_code == 202
    assert client.patch(path(made), json={"description": "canary of Ann"}).status_code == 200
    assert client.delete(path(made)).status_code == 200
    assert sealing.erased == {("acme", made["endpoint_id"])}
    ring = fixed_keyring().without(
        Erasure(tenant_id=tenant, entity_id=entity, erased_at=NOON)
        for tenant, entity in sealing.erased
    )
    kept = [record.value for records in topics.records.values() for record in records]
    assert [value for value in kept if b"canary" in value] == []
    told = [record.value for record in topics.records[WEBHOOK_ENDPOINTS.name] if record.value]
    with using_encryptor(ring):
        assert {
            endpoint.url
            for endpoint in map(endpoint_record_from_json, told)
            if isinstance(endpoint, WebhookEndpoint)
        } == {""}
        assert [
            each.body for each in topics.on(WEBHOOK_DELIVERIES) if isinstance(each, WebhookDelivery)
        ] == [""]


def test_one_whose_key_cannot_be_destroyed_is_not_removed(
    client: TestClient, sealing: MemoryKeys
) -> None:
    made = registered(client)
    sealing.trouble = OSError(28, "no space left on device")
    assert client.delete(path(made)).status_code == 503
    assert client.get(path(made)).status_code == 200
    sealing.trouble = None
    assert client.delete(path(made)).status_code == 200


def test_a_key_that_made_a_removed_one_makes_no_other(client: TestClient) -> None:
    key = {"Idempotency-Key": "mine"}
    made = client.post("/v1/webhooks", json=HOOK, headers=key).json()
    assert client.delete(path(made)).status_code == 200
    answer = client.post("/v1/webhooks", json=HOOK, headers=key)
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("/idempotency-key-reused")


def test_a_test_is_a_delivery_like_any_other(client: TestClient, topics: MemoryTopics) -> None:
    made = registered(client)
    answer = client.post(f"{path(made)}/test")
    assert answer.status_code == 202
    (delivery,) = topics.on(WEBHOOK_DELIVERIES)
    assert isinstance(delivery, WebhookDelivery)
    assert delivery.delivery_id == answer.json()["webhook_id"]
    assert delivery.event_type == "webhook.test"


def test_history_is_told_again_up_to_now_at_most(client: TestClient, topics: MemoryTopics) -> None:
    made = registered(client, event_types=["asset.published", "asset.rejected"])
    ask = {"from": "2025-01-01", "to": "2199-01-01T00:00:00Z", "types": ["asset.published"]}
    answer = client.post(f"{path(made)}/redeliver", json=ask)
    assert answer.status_code == 202, answer.text
    (ordered,) = topics.on(WEBHOOK_REDELIVERIES)
    assert isinstance(ordered, WebhookRedelivery)
    assert ordered.since == datetime(2025, 1, 1, tzinfo=UTC)
    assert ordered.until <= datetime.now(UTC)
    assert ordered.event_types == ("asset.published",)
    client.post(f"{path(made)}/redeliver", json={"from": "2025-01-01"})
    everything = topics.on(WEBHOOK_REDELIVERIES)[1]
    assert isinstance(everything, WebhookRedelivery)
    assert everything.event_types == ("asset.published", "asset.rejected")


@pytest.mark.parametrize(
    "wrong",
    [{}, {"from": "yesterday"}, {"from": 5}, {"from": "2025-01-02", "to": "2025-01-01"}],
)
def test_a_stretch_that_makes_no_sense_is_refused(client: TestClient, wrong: Json) -> None:
    answer = client.post(f"{path(registered(client))}/redeliver", json=wrong)
    assert answer.status_code == 422


def test_the_last_deliveries_are_listed_the_newest_first_and_no_others(
    client: TestClient, topics: MemoryTopics
) -> None:
    made, other = registered(client), registered(client)

    async def attempt_all() -> None:
        for number in range(200):
            endpoint = (made, other)[number % 2]["endpoint_id"]
            await topics.send(WEBHOOK_ATTEMPTS, endpoint, encode(attempt(endpoint, number)))

    asyncio.run(attempt_all())
    items = client.get(f"{path(made)}/deliveries?limit=3").json()["items"]
    assert [item["webhook_id"] for item in items] == ["msg_198", "msg_196", "msg_194"]
    assert len(client.get(f"{path(other)}/deliveries").json()["items"]) == 100
    assert client.get(f"{path(made)}/deliveries?limit=101").status_code == 422


def attempt(endpoint_id: str, number: int) -> WebhookAttempt:
    return WebhookAttempt(
        delivery_id=f"msg_{number}",
        endpoint_id=EndpointId(endpoint_id),
        event_id=EventId(f"e-{number}"),
        event_type="asset.published",
        is_redelivery=False,
        number=1,
        attempted_at=NOON + timedelta(seconds=number),
        duration_ms=12,
        outcome="delivered",
        status=200,
        detail="delivered",
        next_attempt_at=None,
    )


def test_nothing_is_answered_that_the_log_does_not_have(
    client: TestClient, topics: MemoryTopics
) -> None:
    topics.is_down = True
    answer = client.post("/v1/webhooks", json=HOOK)
    assert answer.status_code == 503
    assert client.get("/v1/webhooks").json() == {"items": []}


def test_the_secret_follows_from_the_secret_of_the_installation(client: TestClient) -> None:
    made = registered(client)
    endpoint_id = EndpointId(made["endpoint_id"])
    assert made["secret"] == SECRETS.text(endpoint_id, 1, SECRETS.current)
