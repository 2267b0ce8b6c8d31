"""What customers are told of an event, and what they are not."""

import json
from dataclasses import replace
from typing import Any, get_args

import pytest

from avro_schemas.codec import decode
from domain.asset.events import (
    AssetEvent,
    AssetPublished,
    AssetRejected,
    AssetRestored,
    AssetSubmitted,
)
from domain.events import Event
from read_models.public_events import PUBLIC_EVENT_TYPES, public_event_json, public_event_type
from tests.contract.make_golden import GOLDEN
from tests.support.stream_samples import SUBMITTED

BASE = "https://img.example"
EVENTS = {
    kind.__name__: decode((GOLDEN / f"{kind.__name__}.v1.bin").read_bytes())
    for kind in get_args(AssetEvent)
}


def told(event: AssetEvent) -> dict[str, Any]:
    return dict(json.loads(public_event_json(event, BASE)))


def golden(name: str) -> AssetEvent:
    event = EVENTS[name]
    assert isinstance(event, AssetEvent)
    described = getattr(event, "description", None)
    if described is not None:  # the golden one is any text
        event = replace(event, description=replace(described, metadata='{"a": 1}'))
    return event


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_says_what_happened_to_which_asset_and_nothing_internal(name: str) -> None:
    event = golden(name)
    text, metadata = public_event_json(event, BASE), event.metadata
    answer = told(event)
    assert answer["type"] == public_event_type(event) in PUBLIC_EVENT_TYPES
    assert answer["data"]["asset_id"] == metadata.entity_id
    assert answer["data"]["event_id"] == metadata.event_id
    assert answer["timestamp"].endswith("Z")
    for secret in (metadata.actor, metadata.command_id, metadata.tenant_id, metadata.fingerprint):
        assert json.dumps(secret, ensure_ascii=False)[1:-1] not in text
    for word in ("blob_key", "upload_key", "source", "final_url"):
        assert f'"{word}' not in text
    assert public_event_json(event, BASE) == text


def test_a_description_is_told_with_its_focal_point() -> None:
    assert told(SUBMITTED)["data"]["focal_point"] == {"x": 0.25, "y": 0.125}
    silent = replace(SUBMITTED, description=replace(SUBMITTED.description, focal_point=None))
    assert told(silent)["data"]["focal_point"] is None


def test_a_published_asset_is_told_with_its_public_url() -> None:
    event = golden("AssetPublished")
    assert isinstance(event, AssetPublished)
    data = told(event)["data"]
    assert data["public_url"] == f"{BASE}/i/{event.asset_id}"
    assert (data["width"], data["title"]) == (event.listing.width, event.listing.title)


def test_a_rejected_one_says_why_and_whether_a_picture_is_still_there() -> None:
    event = golden("AssetRejected")
    assert isinstance(event, AssetRejected)
    kept = replace(event, code="http_status", keeps_published=True)
    data = told(kept)["data"]
    assert data["failure"]["code"] == "http_status"
    assert data["public_url"] == f"{BASE}/i/{event.asset_id}"
    assert told(replace(event, keeps_published=False))["data"]["public_url"] is None


def test_a_restored_one_has_a_public_url_only_where_it_is_published() -> None:
    event = golden("AssetRestored")
    assert isinstance(event, AssetRestored)
    assert told(event)["data"]["public_url"] == f"{BASE}/i/{event.asset_id}"
    assert told(replace(event, listing=None))["data"]["public_url"] is None


def test_types_are_dotted_and_told_apart() -> None:
    assert len(set(PUBLIC_EVENT_TYPES)) == len(get_args(AssetEvent))
    assert all(name.startswith("asset.") for name in PUBLIC_EVENT_TYPES)
    assert isinstance(SUBMITTED, Event)
    assert isinstance(SUBMITTED, AssetSubmitted)
    assert told(SUBMITTED)["data"]["title"] == "A cat"
