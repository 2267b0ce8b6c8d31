"""Two pictures with the same bytes know of each other, through HTTP."""

import pytest

from tests.e2e.installation import Customer
from tests.e2e.supplier import Supplier
from tests.eventually import eventually

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
