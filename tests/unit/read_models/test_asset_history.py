"""Events in the history are read in whatever shape a release wrote them."""

from dataclasses import replace
from itertools import count
from typing import Any, get_args

import msgspec
import pytest

from avro_schemas.errors import Undecodable
from avro_schemas.registry import newest
from domain.asset.events import AssetDescribed, AssetEvent
from infra.cassandra.row_operations import Upsert
from infra.cassandra.session import Row
from query_api.parameters import AssetAsOfParameters
from query_api.time_travel.asset_as_of import asset_as_of
from read_models.asset_history.projection import ASSET_HISTORY
from read_models.asset_history.queries import event_in
from tests.contract.make_golden import made_up
from tests.support.stream_samples import DELETED, SUBMITTED


def row_of(event: AssetEvent, **more: object) -> Row:
    (operation,) = ASSET_HISTORY.rows(event)
    assert isinstance(operation, Upsert)
    key = zip(operation.table.key, operation.key, strict=True)
    return {**dict(key), **operation.columns, **more}


def without(text: str, *names: str) -> str:
    """Leave fields out of an event, and out of its description."""
    event: dict[str, Any] = msgspec.json.decode(text)
    for part in (event, event.get("description") or {}):
        for name in names:
            part.pop(name, None)
    return msgspec.json.encode(event).decode()


@pytest.mark.parametrize("kind", get_args(AssetEvent))
def test_what_an_older_release_did_not_write_has_the_default_of_the_schema(kind: type) -> None:
    event = made_up(kind, "", count(1))
    row = row_of(event)
    assert event_in(row) == event
    schema: Any = newest(kind.__name__).encryption.plain_schema
    defaults = {field["name"]: field["default"] for field in schema["fields"] if "default" in field}
    older = event_in({**row, "event": without(row["event"], *defaults)})
    empty = {name: tuple(value) for name, value in defaults.items() if isinstance(value, list)}
    assert older == replace(event, **{**defaults, **empty})


def test_so_has_what_lies_deeper() -> None:
    event: AssetDescribed = made_up(AssetDescribed, "", count(1))
    row = row_of(event)
    older = event_in({**row, "event": without(row["event"], "focal_point")})
    assert older == replace(event, description=replace(event.description, focal_point=None))


@pytest.mark.parametrize("name", ["created_at", "metadata"])
def test_an_event_that_lacks_what_has_no_default_cannot_be_read(name: str) -> None:
    row = row_of(DELETED)
    with pytest.raises(Undecodable, match="AssetDeleted in the history"):
        event_in({**row, "event": without(row["event"], name)})


def test_an_event_of_a_newer_release_cannot_be_read_and_leaves_the_past_as_it_was() -> None:
    newer = row_of(DELETED, name="AssetFramed", entity_version=2)
    with pytest.raises(Undecodable, match="AssetFramed"):
        event_in(newer)
    shown = asset_as_of([row_of(SUBMITTED), newer], SUBMITTED.asset_id, AssetAsOfParameters())
    assert (shown["status"], shown["version"]) == ("submitted", 2)
    older = row_of(DELETED, entity_version=2)
    older = {**older, "event": without(older["event"], "shown_since")}
    shown = asset_as_of([row_of(SUBMITTED), older], SUBMITTED.asset_id, AssetAsOfParameters())
    assert (shown["status"], shown["version"]) == ("deleted", 2)
