"""Every field of a description that was sent, in whatever form, is shown wherever it is read."""

import json
from collections.abc import Callable
from typing import Any, Final

import httpx2
import pytest
from starlette.testclient import TestClient

from command_api.app import CommandApiParts, create_app
from domain.asset.commands import PublishAsset
from domain.asset.description import DESCRIPTION_FIELDS
from domain.asset.events import AssetDescribed, AssetEvent, AssetSubmitted
from domain.values import FocalPoint
from read_models.public_events import public_event_json
from tests.support.api_keys import Keys
from tests.support.fakes.fake_decider import FakeDecider
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.samples import FACTS, FETCH, ORIGINAL, metadata
from tests.support.story import RENDITIONS
from tests.unit.command_api.conftest import SETTINGS, keys, parts

__all__ = ["keys", "parts"]  # fixtures

LISTED: Final = {field.name for field in DESCRIPTION_FIELDS if field.is_listed}
SENT: Final[dict[str, Any]] = {
    "title": "A cat",
    "alt_text": "On a mat",
    "tags": ["pet", "fur"],
    "metadata": {"shelf": 7},
    "focal_point": {"x": 0.25, "y": 0.5},
}
PATCHED: Final[dict[str, Any]] = {
    "title": "A dog",
    "alt_text": "On a lawn",
    "tags": ["bark"],
    "metadata": {"shelf": 8},
    "focal_point": {"x": 0.75, "y": 0.5},
}


Insert = Callable[[TestClient], httpx2.Response]


def by_json(client: TestClient) -> httpx2.Response:
    body = {"download_url": "https://example.com/a.jpg", "category": "cats", **SENT}
    return client.post("/v1/assets", json=body)


def by_form(client: TestClient) -> httpx2.Response:
    fields = {
        name: json.dumps(value) if isinstance(value, dict) else value
        for name, value in SENT.items()
    }
    files = {"file": ("a.jpg", b"\xff\xd8\xff" + bytes(100))}
    return client.post("/v1/assets", data={"category": "cats", **fields}, files=files)


def by_csv(client: TestClient) -> httpx2.Response:
    """Send all but metadata, which no cell has room for."""
    cells = {
        name: ";".join(map(str, value.values() if isinstance(value, dict) else value))
        if isinstance(value, dict | list)
        else value
        for name, value in SENT.items()
        if name != "metadata"
    }
    text = f"download_url,category,{','.join(cells)}\n"
    text += f"https://example.com/a.jpg,cats,{','.join(cells.values())}\n"
    headers = {"content-type": "text/csv", "idempotency-key": "once"}
    return client.post("/v1/assets/batch", content=text, headers=headers)


def spelt(value: Any) -> Any:  # noqa: ANN401 - JSON is anything
    """Write a value as the history does."""
    if isinstance(value, dict):
        return str(FocalPoint(**value)) if value.keys() == {"x", "y"} else json.dumps(value)
    return value


@pytest.mark.parametrize("insert", [by_json, by_form, by_csv])
def test_what_is_sent_and_patched_is_shown(
    client: TestClient, tables: MemoryTables, parts: CommandApiParts, keys: Keys, insert: Insert
) -> None:
    names = {field.name for field in DESCRIPTION_FIELDS}
    assert SENT.keys() == PATCHED.keys() == names, "send the new field here too"
    sent = {name: SENT[name] for name in names if (insert, name) != (by_csv, "metadata")}
    sent = {"metadata": {}, **sent}
    decider = parts.sender
    assert isinstance(decider, FakeDecider)
    app, _ = create_app(SETTINGS, parts)
    with TestClient(app, headers={"authorization": f"Bearer {keys.add(['assets:write'])}"}) as at:
        at.post("/v1/categories", json={"name": "Cats"}).raise_for_status()
        answer = insert(at).raise_for_status().json()
        asset = answer["asset_id"]
        assert insert is by_csv or {name: answer[name] for name in names} == sent
        changed = at.patch(f"/v1/assets/{asset}", json=PATCHED).raise_for_status().json()
        assert {name: changed[name] for name in names} == PATCHED
    decider.decide(
        PublishAsset(
            metadata=metadata(asset),
            run=1,
            original=ORIGINAL,
            renditions=RENDITIONS,
            facts=FACTS,
            pipeline_version=1,
            watermark=None,
            fetch=FETCH,
        )
    )
    events = [event for event in decider.events if isinstance(event, AssetEvent)]
    tables.apply(*decider.events)

    shown = client.get(f"/v1/assets/{asset}").raise_for_status().json()
    assert {name: shown[name] for name in names} == PATCHED
    (item,) = [
        each
        for each in client.get("/v1/assets?limit=200").json()["items"]
        if each["asset_id"] == asset
    ]
    assert {name: item[name] for name in LISTED} == {name: PATCHED[name] for name in LISTED}
    told = {
        type(event): json.loads(public_event_json(event, "https://i"))["data"] for event in events
    }
    assert {name: told[AssetSubmitted][name] for name in names} == sent
    assert {name: told[AssetDescribed][name] for name in names} == PATCHED
    submitted, described, *_ = client.get(f"/v1/assets/{asset}/events").json()["items"]
    for event, said in ((submitted, sent), (described, PATCHED)):
        changes = {each["field"]: each["after"] for each in event["changes"]}
        assert {name: changes.get(name) for name in names} == {
            name: spelt(said[name]) for name in names
        }
