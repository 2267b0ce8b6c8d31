"""Bulk operations as clients read them."""

import pytest
from starlette.testclient import TestClient

from domain import bulk_operation as operations
from domain.asset.commands import SetCategories
from domain.bulk_operation import Operation
from domain.bulk_operation.events import OperationEvent
from domain.bulk_operation.progress import CATEGORY_ITEM, progress_events, selection_events
from domain.bulk_operation.values import ItemOutcome
from domain.category import EMPTY_CATALOGUE
from domain.values import AssetId, CategoryRef, OperationId
from tests.support.bulk_operations import OPERATION, REVERT, instructions, revert, start
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.samples import NOON, category_id, metadata
from tests.support.story import Story, asset_id


class Told:
    """Lets operations happen, and the views notice."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables
        self.known: dict[OperationId, Operation] = {}

    def __call__(self, *events: OperationEvent) -> None:
        for event in events:
            operation_id = OperationId(event.metadata.entity_id)
            found = operations.evolve(self.known.get(operation_id), event)
            assert found is not None
            self.known[operation_id] = found
            self._tables.apply(event)


@pytest.fixture
def told(tables: MemoryTables) -> Told:
    """Begin with an operation that deals with three items."""
    told = Told(tables)
    told(*operations.decide(start(instructions("delete")), {}, EMPTY_CATALOGUE, NOON))
    items = [asset_id(1), asset_id(2), CATEGORY_ITEM]
    told(*selection_events(told.known[OPERATION], items, after="", is_last=True, now=NOON))
    return told


def settle(told: Told, *outcomes: ItemOutcome) -> None:
    told(*progress_events(told.known[OPERATION], outcomes, per_minute=120, now=NOON))


def changed(item: str, version: int) -> ItemOutcome:
    return ItemOutcome(item=item, result="changed", code="", detail="", version=version)


def refused(item: str) -> ItemOutcome:
    return ItemOutcome(
        item=item, result="refused", code="AssetIsPurged", detail="it was purged", version=0
    )


def test_an_operation_under_way_tells_how_far_it_is(client: TestClient, told: Told) -> None:
    settle(told, changed(asset_id(1), 3))
    answer = client.get(f"/v1/operations/{OPERATION}")
    shown = answer.json()
    assert (shown["state"], shown["kind"]) == ("running", "delete")
    progress = shown["progress"]
    assert (progress["total"], progress["done"], progress["changed"]) == (3, 1, 1)
    assert progress["eta_seconds"] == 1
    assert shown["actor"] == "key:k1"
    assert shown["ended_at"] is None


def test_a_reverted_operation_names_its_revert(client: TestClient, told: Told) -> None:
    settle(told, refused(asset_id(1)), changed(asset_id(2), 2), changed(CATEGORY_ITEM, 9))
    told(*operations.decide(revert(), told.known, EMPTY_CATALOGUE, NOON))
    shown = client.get(f"/v1/operations/{OPERATION}").json()
    assert (shown["state"], shown["reverted_by"]) == ("completed", REVERT)
    assert shown["progress"]["refused"] == {"asset-is-purged": 1}
    listed = client.get("/v1/operations").json()
    assert {one["operation_id"]: one["reverts"] for one in listed["items"]} == {
        OPERATION: None,
        REVERT: OPERATION,
    }
    assert len(client.get("/v1/operations?limit=1").json()["items"]) == 1


def test_an_operation_of_another_tenant_is_not_found(stranger: TestClient, told: Told) -> None:
    assert stranger.get(f"/v1/operations/{OPERATION}").status_code == 404
    assert stranger.get(f"/v1/operations/{OPERATION}/items").status_code == 404
    assert stranger.get("/v1/operations").json() == {"items": []}


def test_items_show_each_field_before_and_after(
    client: TestClient, told: Told, story: Story
) -> None:
    named = AssetId(story.publish(1, "cats"))
    move = SetCategories(metadata=metadata(named), categories=(CategoryRef("dogs"),))
    story.tell(move)
    settle(told, changed(named, 3), refused(asset_id(2)), changed(CATEGORY_ITEM, 9))
    page = client.get(f"/v1/operations/{OPERATION}/items").json()
    first, second, last = page["items"]
    (change,) = first["changes"]
    assert (change["field"], change["before"], change["after"]) == (
        "categories",
        [category_id("cats")],
        [category_id("dogs")],
    )
    assert (second["result"], second["problem"]) == ("refused", "asset-is-purged")
    assert second["changes"] == []
    assert (last["asset_id"], last["result"]) == (None, "changed")
    assert page["next"] is None
    history = client.get(f"/v1/assets/{named}/events").json()
    assert history["items"][2]["changes"] == [change]
    assert [one["field"] for one in history["items"][0]["changes"]][:2] == ["status", "categories"]


def test_items_come_page_by_page_and_by_result(client: TestClient, told: Told) -> None:
    settle(told, refused(asset_id(1)), refused(asset_id(2)), changed(CATEGORY_ITEM, 9))
    path: str | None = f"/v1/operations/{OPERATION}/items?limit=1"
    places = []
    while path:
        page = client.get(path).json()
        places += [item["place"] for item in page["items"]]
        path = page["next"]
    assert places == [0, 1, 2]
    found = client.get(f"/v1/operations/{OPERATION}/items?result=changed").json()
    assert [item["place"] for item in found["items"]] == [2]
    assert client.get(f"/v1/operations/{OPERATION}/items?limit=0").status_code == 422
