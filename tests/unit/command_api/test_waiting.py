"""How long a write waits for its decision, and what is said when it does not."""

import asyncio
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from command_api.app import CommandApiParts, create_app
from command_api.requests.prefer_header import preference
from domain.outcomes import Outcome
from infra.settings import Settings
from tests.support.api_keys import Keys
from tests.support.fakes.fake_decider import AnyCommand, FakeDecider
from tests.unit.command_api.conftest import SETTINGS

CAT = {"download_url": "https://example.com/cat.jpg", "category": "cats"}


def assert_pending(response: httpx2.Response) -> None:
    assert response.status_code == 202
    answer = response.json()
    assert answer["status"] == "pending"
    link = f"https://query.example/v1/commands/{answer['command_id']}"
    assert response.headers["location"] == link


def test_respond_async_answers_once_the_command_is_durable(
    client: TestClient, decider: FakeDecider
) -> None:
    response = client.post("/v1/assets", json=CAT, headers={"prefer": "respond-async"})
    assert_pending(response)
    assert response.headers["preference-applied"] == "respond-async"
    assert decider.sent[-1].metadata.command_id == response.json()["command_id"]


def test_a_wait_that_ran_out_is_answered_alike(client: TestClient, decider: FakeDecider) -> None:
    decider.is_silent = True
    response = client.delete("/v1/categories/cats", headers={"prefer": "wait=0"})
    assert_pending(response)
    assert response.headers["preference-applied"] == "wait=0"


def test_nobody_waits_longer_than_the_setting(impatient: TestClient, decider: FakeDecider) -> None:
    decider.is_silent = True
    assert_pending(impatient.post("/v1/assets", json=CAT, headers={"prefer": "wait=600"}))
    assert_pending(impatient.post("/v1/assets", json=CAT))


def test_categories_that_are_not_opened_in_time_leave_the_request_undone(
    impatient: TestClient, decider: FakeDecider
) -> None:
    body = CAT | {"category": "dogs", "create_missing_categories": True}
    decide = decider.decide

    def slowly(command: AnyCommand) -> Outcome:
        outcome = decide(command)
        decider.is_silent = True
        return outcome

    decider.decide = slowly  # type: ignore[method-assign] # silent from the first refusal on
    response = impatient.post("/v1/assets", json=body)
    assert response.status_code == 503
    assert response.headers["retry-after"]


def test_a_broker_that_does_not_acknowledge_is_told(
    client: TestClient, decider: FakeDecider
) -> None:
    decider.is_down = True
    for prefer in ("respond-async", "wait=5"):
        response = client.post("/v1/assets", json=CAT, headers={"prefer": prefer})
        assert response.status_code == 503
        assert response.json()["type"].endswith("/problems/broker-unavailable")
        assert response.headers["retry-after"]
        assert "9092" not in response.text


@pytest.mark.parametrize(
    ("header", "seconds", "applied"),
    [
        ("", 10.0, None),
        ("respond-async", 0.0, "respond-async"),
        ("Respond-Async, wait=3", 3.0, "wait=3"),
        ("wait=3", 3.0, "wait=3"),
        ("wait=600", 10.0, "wait=600"),
        ("wait=-1", 10.0, None),
        ("wait=x, return=minimal", 10.0, None),
        ("handling=lenient,respond-async", 0.0, "respond-async"),
    ],
)
def test_preferences_are_read_as_rfc_7240_says(
    header: str, seconds: float, applied: str | None
) -> None:
    found = preference(header, 10.0)
    assert (found.wait_seconds, found.applied) == (seconds, applied)


async def _send(
    parts: CommandApiParts, settings: Settings, requests: list[dict[str, Any]], key: str
) -> list[httpx2.Response]:
    app, _ = create_app(settings, parts)
    transport = httpx2.ASGITransport(app)
    headers = {"authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://api", headers=headers
    ) as client:
        return await asyncio.gather(*(client.request(**request) for request in requests))


def post(key: str, **change: str) -> dict[str, Any]:
    return {
        "method": "POST",
        "url": "/v1/assets",
        "json": CAT | change,
        "headers": {"idempotency-key": key},
    }


@pytest.mark.usefixtures("client")
def test_fifty_posts_at_once_with_one_key_insert_once(
    parts: CommandApiParts, decider: FakeDecider, keys: Keys
) -> None:
    key = keys.add(["assets:write"])
    answers = asyncio.run(_send(parts, SETTINGS, [post("k")] * 50, key))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert [type(event).__name__ for event in decider.events].count("AssetSubmitted") == 1


@pytest.mark.usefixtures("client")
def test_all_who_wait_for_one_command_are_told_when_it_is_decided(
    parts: CommandApiParts, decider: FakeDecider, keys: Keys
) -> None:
    decider.is_silent = True
    key = keys.add(["assets:write"])

    async def decided_later() -> list[httpx2.Response]:
        answers = asyncio.ensure_future(_send(parts, SETTINGS, [post("k")] * 3, key))
        while len(decider.sent) < 4:  # noqa: ASYNC110 - the category and the three
            await asyncio.sleep(0)
        decider.catch_up()
        return await answers

    answers = asyncio.run(decided_later())
    assert [answer.json().get("status") for answer in answers] == ["submitted"] * 3


@pytest.mark.usefixtures("client")
def test_two_bodies_under_one_key_are_each_told_their_own_outcome(
    parts: CommandApiParts, decider: FakeDecider, keys: Keys
) -> None:
    decider.is_silent = True
    key = keys.add(["assets:write"])

    async def decided_later() -> list[httpx2.Response]:
        requests = [post("k"), post("k", title="Another")]
        answers = asyncio.ensure_future(_send(parts, SETTINGS, requests, key))
        while len(decider.sent) < 3:  # noqa: ASYNC110 - the category and the two
            await asyncio.sleep(0)
        decider.catch_up()
        return await answers

    first, second = asyncio.run(decided_later())
    assert first.status_code == 202
    assert first.json()["status"] == "submitted"
    assert second.status_code == 422
    assert second.json()["type"].endswith("/problems/idempotency-key-reused")


@pytest.mark.usefixtures("client")
def test_of_a_hundred_writes_to_one_version_one_succeeds(
    parts: CommandApiParts, decider: FakeDecider, keys: Keys
) -> None:
    key = keys.add(["assets:write"])
    asset_id = asyncio.run(_send(parts, SETTINGS, [post("k")], key))[0].json()["asset_id"]
    requests = [
        {
            "method": "PATCH",
            "url": f"/v1/assets/{asset_id}",
            "json": {"title": f"t{number}"},
            "headers": {"if-match": '"1"'},
        }
        for number in range(50)
    ]
    statuses = [answer.status_code for answer in asyncio.run(_send(parts, SETTINGS, requests, key))]
    assert sorted(statuses) == [200] + [412] * 49


@pytest.mark.usefixtures("client")
def test_a_write_makes_room_for_the_next_however_it_ended(
    parts: CommandApiParts, keys: Keys
) -> None:
    single = SETTINGS.command_api.model_copy(update={"max_in_flight": 1})
    app, _ = create_app(SETTINGS.model_copy(update={"command_api": single}), parts)
    headers = {"authorization": f"Bearer {keys.add(['assets:write'])}"}
    with TestClient(app, headers=headers) as client:
        for body in (CAT, {}, CAT | {"category": "dogs"}, CAT):
            answer = client.post("/v1/assets", json=body)
            assert answer.status_code in (202, 422)


@pytest.mark.usefixtures("client")
def test_more_writes_than_there_is_room_for_are_turned_away(
    parts: CommandApiParts, decider: FakeDecider, keys: Keys
) -> None:
    decider.is_silent = True
    key = keys.add(["assets:write"])
    small = SETTINGS.command_api.model_copy(update={"wait_seconds": 0.05, "max_in_flight": 5})
    settings = SETTINGS.model_copy(update={"command_api": small})
    requests = [post(f"k{number}") for number in range(20)]
    answers = asyncio.run(_send(parts, settings, requests, key))
    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [202] * 3 + [503] * 17, "alone a tenant gets half"
    turned_away = next(answer for answer in answers if answer.status_code == 503)
    assert turned_away.json()["type"].endswith("/problems/overloaded")
    assert turned_away.headers["retry-after"]
