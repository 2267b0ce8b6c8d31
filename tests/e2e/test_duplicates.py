"""Two pictures with the same bytes know of each other, through HTTP."""

import pytest

from tests.support.eventually import eventually
from tests.support.installation import Customer
from tests.support.supplier import Supplier, picture

pytestmark = pytest.mark.timeout(180)


def test_the_second_of_two_alike_names_the_first(customer: Customer, supplier: Supplier) -> None:
    def twins(asset_id: str) -> list[tuple[str, int]]:
        answer = customer.queries.get(f"/v1/assets/{asset_id}/duplicates")
        assert answer.status_code == 200, answer.text
        return [(one["asset_id"], one["distance"]) for one in answer.json()["exact"]]

    first, second = [customer.submit(supplier.url("picture/21.jpg"), "cats") for _ in range(2)]
    for each in (first, second):
        assert customer.ended(each)["status"] == "published"
    eventually(lambda: customer.asset(second)["duplicate_of"] == first, within_seconds=60)
    assert customer.asset(first)["duplicate_of"] is None
    eventually(lambda: twins(first) == [(second, 0)], within_seconds=60)
    assert customer.commands.delete(f"/v1/assets/{first}").status_code == 200
    assert customer.commands.post(f"/v1/assets/{first}/purge").status_code == 200
    eventually(lambda: customer.asset(second)["duplicate_of"] is None, within_seconds=60)
    public_url = customer.asset(second)["public_url"]
    eventually(lambda: customer.queries.get(public_url).status_code == 200, within_seconds=60)


def test_a_picture_that_is_there_may_be_refused_or_returned(
    customer: Customer, supplier: Supplier
) -> None:
    url = supplier.url("picture/22.jpg")
    first = customer.submit(url, "cats")
    assert customer.ended(first)["status"] == "published"
    upload = customer.commands.post(
        "/v1/assets",
        files={"file": ("same.jpg", picture(22), "image/jpeg")},
        data={"category": "cats", "duplicates": "refuse"},
    )
    refused, returned = (
        upload.json()["asset_id"],
        customer.submit(url, "cats", duplicates="return"),
    )
    for each in (refused, returned):
        ended = customer.ended(each)
        assert (ended["status"], ended["failure"]["code"]) == ("rejected", "duplicate")
        assert ended["failure"]["duplicate_of"] == first
    assert customer.queries.get(f"/i/{refused}").status_code == 404

    def leads_there() -> bool:
        answer = customer.queries.get(f"/i/{returned}/thumb.webp")
        there = customer.queries.get(f"/i/{returned}/{answer.headers.get('location', '')}")
        return (answer.status_code, there.status_code) == (307, 200)

    eventually(leads_there, within_seconds=60)
    other = customer.submit(supplier.url("picture/23.jpg"), "cats", duplicates="refuse")
    assert customer.ended(other)["status"] == "published"
    assert set(customer.by_category("cats")) == {first, other}
