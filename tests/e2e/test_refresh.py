"""A source that is asked again: spared while it is unchanged, followed when it is not."""

import pytest

from tests.support.eventually import eventually
from tests.support.installation import Customer
from tests.support.supplier import Supplier

pytestmark = pytest.mark.timeout(180)
SECONDS = 60


def names(customer: Customer, asset_id: str) -> list[str]:
    events = customer.queries.get(f"/v1/assets/{asset_id}/events").json()["items"]
    return [event["name"] for event in events]


def refresh(customer: Customer, asset_id: str) -> None:
    answer = customer.commands.post(f"/v1/assets/{asset_id}/refresh")
    assert answer.status_code == 202, answer.text


def test_a_source_is_downloaded_again_only_when_it_changed(
    customer: Customer, supplier: Supplier
) -> None:
    path = "/revised/logo.jpg"
    supplier.revisions["logo"] = 31
    asset_id = customer.submit(supplier.url(path[1:]), "cats")
    before = customer.ended(asset_id)
    history = ["AssetSubmitted", "AssetPublished"]

    refresh(customer, asset_id)
    history += ["AssetRefreshRequested", "AssetConfirmed"]
    eventually(lambda: names(customer, asset_id) == history, within_seconds=SECONDS)
    assert (supplier.asked[path], supplier.sent[path]) == (2, 1)
    eventually(lambda: customer.asset(asset_id)["version"] == 4, within_seconds=SECONDS)
    unchanged = customer.asset(asset_id)
    assert (unchanged["status"], unchanged["failure"]) == ("published", None)
    assert unchanged["renditions"] == before["renditions"]

    supplier.revisions["logo"] = 91
    refresh(customer, asset_id)
    history += ["AssetRefreshRequested", "AssetPublished"]
    eventually(lambda: names(customer, asset_id) == history, within_seconds=SECONDS)
    eventually(lambda: customer.asset(asset_id)["version"] == 6, within_seconds=SECONDS)
    after = customer.asset(asset_id)
    assert after["public_url"] == before["public_url"]
    assert after["original"]["sha256"] != before["original"]["sha256"]
    assert after["fetch"]["etag"] == '"91"'


def test_many_are_asked_again_at_once_and_uploads_are_refused(
    customer: Customer, supplier: Supplier
) -> None:
    customer.create_category("logos")
    supplier.revisions["both"] = 33
    asset_id = customer.submit(supplier.url("revised/both.jpg"), "logos")
    customer.ended(asset_id)
    uploaded = customer.commands.post(
        "/v1/assets", files={"file": ("a.jpg", b"no picture")}, data={"category": "logos"}
    ).json()["asset_id"]
    wish = {"kind": "refresh", "filter": {"asset_ids": [asset_id, uploaded]}}
    begun = customer.commands.post("/v1/operations", json=wish)
    assert begun.status_code == 202, begun.text
    at = f"/v1/operations/{begun.json()['operation_id']}"

    def progress() -> dict[str, object]:
        answer = customer.queries.get(at)
        return dict(answer.json()["progress"]) if answer.status_code == 200 else {}

    eventually(lambda: progress().get("done") == 2, within_seconds=SECONDS)
    assert progress()["changed"] == 1
    eventually(lambda: names(customer, asset_id)[-1] == "AssetConfirmed", within_seconds=SECONDS)
