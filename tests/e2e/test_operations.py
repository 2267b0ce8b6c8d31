"""Many assets changed as one operation, and taken back, through HTTP alone."""

from typing import Any

import pytest

from cli.local_platform.services import WORKER
from tests.support.eventually import eventually
from tests.support.installation import Customer, Installation
from tests.support.supplier import Supplier

SECONDS = 60.0
ENDED = ("completed", "failed", "cancelled")
Json = dict[str, Any]


@pytest.fixture
def pictures(customer: Customer, supplier: Supplier) -> list[str]:
    """Three published pictures in cats, and a category pets."""
    customer.create_category("pets")
    found = [customer.submit(supplier.url(f"picture/{n}.jpg"), "cats") for n in (31, 32, 33)]
    for asset_id in found:
        assert customer.ended(asset_id)["status"] == "published"
    return found


def begin(customer: Customer, path: str, body: Json | None = None, key: str = "") -> str:
    answer = customer.commands.post(
        f"/v1/operations{path}", json=body, headers={"Idempotency-Key": key} if key else {}
    )
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"].endswith(answer.json()["operation_id"])
    return str(answer.json()["operation_id"])


def ended(customer: Customer, operation_id: str) -> Json:
    def when_ended() -> Json | None:
        answer = customer.queries.get(f"/v1/operations/{operation_id}")
        found = answer.json() if answer.status_code == 200 else {}
        return found if found.get("state") in ENDED else None

    found = eventually(when_ended, within_seconds=SECONDS)
    assert found is not None
    return found


def items(customer: Customer, operation_id: str, count: int) -> dict[str | None, Json]:
    """Give the items once the view shows so many; its tables are not written in one step."""

    def all_of_them() -> list[Json] | None:
        found = customer.queries.get(f"/v1/operations/{operation_id}/items").json()["items"]
        return found if len(found) == count else None

    found = eventually(all_of_them, within_seconds=SECONDS)
    assert found is not None
    return {one["asset_id"]: one for one in found}


def last_event(customer: Customer, asset_id: str) -> Json:
    return dict(customer.queries.get(f"/v1/assets/{asset_id}/events").json()["items"][-1])


def labels(customer: Customer, asset_id: str) -> list[str]:
    return [one["slug"] for one in customer.asset(asset_id)["categories"]]


def all_are_in(customer: Customer, pictures: list[str], slug: str) -> bool:
    return all(labels(customer, asset_id) == [slug] for asset_id in pictures)


def test_assets_are_recategorised_by_filter_and_taken_back_but_for_later_edits(
    customer: Customer, pictures: list[str]
) -> None:
    wish = {"kind": "recategorise", "filter": {"category": "cats"}, "categories": ["pets"]}

    def preview() -> Json:
        return dict(customer.commands.post("/v1/operations", json=wish | {"dry_run": True}).json())

    eventually(lambda: preview()["count"] == 3, within_seconds=SECONDS)
    assert preview()["items"][0]["before"] == ["cats"]
    assert preview()["items"][0]["after"] == ["pets"]
    assert customer.queries.get("/v1/operations").json()["items"] == []

    operation_id = begin(customer, "", wish, key="tidy up")
    assert begin(customer, "", wish, key="tidy up") == operation_id
    done = ended(customer, operation_id)
    assert (done["state"], done["progress"]["changed"]) == ("completed", 3)
    eventually(lambda: all_are_in(customer, pictures, "pets"), within_seconds=SECONDS)
    changed = items(customer, operation_id, 3)
    assert set(changed) == set(pictures)
    eventually(
        lambda: last_event(customer, pictures[0])["correlation_id"] == operation_id,
        within_seconds=SECONDS,
    )
    (change,) = items(customer, operation_id, 3)[pictures[0]]["changes"]
    assert change["field"] == "categories"
    assert last_event(customer, pictures[0])["changes"] == [change]

    both = {"categories": ["cats", "pets"]}
    customer.commands.put(f"/v1/assets/{pictures[0]}/categories", json=both).raise_for_status()
    customer.commands.patch(f"/v1/assets/{pictures[1]}", json={"title": "x"}).raise_for_status()
    taken_back = ended(customer, begin(customer, f"/{operation_id}/revert"))
    assert taken_back["state"] == "completed"
    assert (taken_back["progress"]["changed"], taken_back["progress"]["conflicts"]) == (2, 1)
    report = items(customer, taken_back["operation_id"], 3)
    assert report[pictures[0]]["result"] == "conflict"
    assert "AssetCategorised" in report[pictures[0]]["detail"]
    eventually(lambda: all_are_in(customer, pictures[1:], "cats"), within_seconds=SECONDS)
    assert customer.asset(pictures[1])["title"] == "x"
    eventually(
        lambda: sorted(labels(customer, pictures[0])) == ["cats", "pets"], within_seconds=SECONDS
    )
    again = customer.commands.post(f"/v1/operations/{operation_id}/revert")
    assert again.status_code == 409, again.text


def test_a_merge_is_taken_back_with_its_category(customer: Customer, pictures: list[str]) -> None:
    wish = {"kind": "merge_categories", "filter": {"category": "cats"}, "into": "pets"}
    operation_id = begin(customer, "", wish)
    done = ended(customer, operation_id)
    assert (done["state"], done["progress"]["changed"]) == ("completed", 4)
    eventually(lambda: is_archived(customer, "cats"), within_seconds=SECONDS)
    eventually(lambda: len(customer.by_category("pets")) == 3, within_seconds=SECONDS)
    back = ended(customer, begin(customer, f"/{operation_id}/revert"))
    assert (back["state"], back["progress"]["changed"]) == ("completed", 4)
    eventually(lambda: not is_archived(customer, "cats"), within_seconds=SECONDS)
    eventually(lambda: len(customer.by_category("cats")) == 3, within_seconds=SECONDS)


def test_reprocessing_a_category_serves_the_old_renditions_until_the_new_ones_are_there(
    customer: Customer, pictures: list[str], installation: Installation
) -> None:
    url = f"/i/{pictures[0]}/thumb.webp"
    installation.services[WORKER].kill()
    wish = {"kind": "reprocess", "filter": {"category": "cats"}, "per_second": 100}
    done = ended(customer, begin(customer, "", wish))
    assert done["progress"]["changed"] == 3
    eventually(lambda: customer.asset(pictures[0])["run"] == 2, within_seconds=SECONDS)
    assert customer.asset(pictures[0])["status"] == "published"
    assert customer.queries.get(url).status_code == 200
    installation.restart(WORKER)
    eventually(lambda: versions(customer, pictures) == [2, 2, 2], within_seconds=SECONDS)
    assert customer.queries.get(url).status_code == 200


def is_archived(customer: Customer, slug: str) -> bool:
    return bool(customer.queries.get(f"/v1/categories/{slug}").json().get("is_archived", True))


def versions(customer: Customer, pictures: list[str]) -> list[int]:
    """Count how often each was published."""
    return [
        sum(
            event["name"] == "AssetPublished"
            for event in customer.queries.get(f"/v1/assets/{asset_id}/events").json()["items"]
        )
        for asset_id in pictures
    ]
