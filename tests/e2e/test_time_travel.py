"""The past of a listing, through HTTP, while the present goes on."""

from urllib.parse import quote

import pytest

from infra.http.position_header import POSITION_HEADER
from tests.support.installation import Customer, Json
from tests.support.supplier import Supplier

pytestmark = pytest.mark.timeout(180)


def test_what_was_listed_is_still_listed_as_of_then(customer: Customer, supplier: Supplier) -> None:
    def ask(path: str, position: dict[str, str] | None = None) -> Json:
        headers = {"Prefer": "wait=60", **(position or {})}
        answer = customer.queries.get(path, headers=headers, timeout=90)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    asset_id = customer.submit(supplier.url("picture/1.jpg"), "cats", title="Tom")
    asset = customer.ended(asset_id)
    then = f"as_of={quote(asset['updated_at'])}"
    changed = customer.commands.patch(f"/v1/assets/{asset_id}", json={"title": "Thomas"})
    assert changed.status_code == 200, changed.text
    renamed = customer.commands.patch("/v1/categories/cats", json={"slug": "felines"})
    assert renamed.status_code == 200, renamed.text
    deleted = customer.commands.delete(f"/v1/assets/{asset_id}")
    position = {POSITION_HEADER: deleted.headers[POSITION_HEADER]}
    events = ask(f"/v1/assets/{asset_id}/events", position)["items"]
    (described,) = [each for each in events if each["name"] == "AssetDescribed"]

    for path in ("/v1/assets", "/v1/categories/cats/assets"):
        (item,) = ask(f"{path}?{then}")["items"]
        assert (item["asset_id"], item["title"]) == (asset_id, "Tom")
        assert item["categories"][0]["slug"] == "cats"
        (item,) = ask(f"{path}?as_of={quote(described['happened_at'])}")["items"]
        assert item["title"] == "Thomas"
    for path in ("/v1/categories", "/v1/categories/cats"):
        told = ask(f"{path}?{then}")
        (category,) = told.get("items", [told])
        assert (category["slug"], category["path"]) == ("cats", "cats")
    assert ask("/v1/assets", position)["items"] == []
    assert ask(f"/v1/assets/{asset_id}?{then}") == asset
    assert ask(f"/v1/assets/{asset_id}?version={asset['version']}") == asset
