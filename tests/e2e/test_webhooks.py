"""What happens is told: to a customer's own server, and to whoever listens."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.support.eventually import eventually
from tests.support.installation import Customer
from tests.support.server_sent_events import Piece, pieces
from tests.support.supplier import Supplier
from tests.support.webhook_receiver import HookReceiver

pytestmark = pytest.mark.timeout(180)


def test_what_happens_is_told_signed_and_told_again_on_demand(
    customer: Customer, supplier: Supplier, receiver: HookReceiver
) -> None:
    path = f"hooks/{uuid4()}"
    began_at = datetime.now(UTC) - timedelta(seconds=1)
    before = customer.submit(supplier.url("picture/30.jpg"), "cats")
    customer.ended(before)
    hook = customer.commands.post("/v1/webhooks", json={"url": receiver.url(path)}).json()
    endpoint = f"/v1/webhooks/{hook['endpoint_id']}"
    published = customer.submit(supplier.url("picture/31.jpg"), "cats", title="Told")
    rejected = customer.submit(supplier.url("page/1"), "cats")

    def kinds(asset_id: str) -> set[str]:
        told = receiver.told(path)
        return {one.event["type"] for one in told if one.asset_id == asset_id}

    eventually(
        lambda: kinds(published) == {"asset.submitted", "asset.published"}, within_seconds=60
    )
    eventually(lambda: kinds(rejected) == {"asset.submitted", "asset.rejected"}, within_seconds=60)
    told = receiver.told(path)
    assert all(one.verified(hook["secret"]) == one.event for one in told)
    assert kinds(before) == set()  # it happened before the endpoint was there
    data = {one.event["type"]: one.event["data"] for one in told}
    assert data["asset.rejected"]["failure"]["code"] == "not_an_image"
    picture = next(one for one in told if one.event["type"] == "asset.published").event["data"]
    eventually(  # views may be a moment behind what is told
        lambda: customer.queries.get(picture["public_url"]).status_code == 200, within_seconds=60
    )

    eventually(
        lambda: len(customer.commands.get(f"{endpoint}/deliveries").json()["items"]) >= 4,
        within_seconds=60,
    )
    latest = customer.commands.get(f"{endpoint}/deliveries").json()["items"][0]
    assert (latest["outcome"], latest["status"]) == ("delivered", 204)

    ids = {one.webhook_id for one in told}
    ask = {"from": began_at.isoformat(), "types": ["asset.published"]}
    assert customer.commands.post(f"{endpoint}/redeliver", json=ask).status_code == 202
    eventually(lambda: "asset.published" in kinds(before), within_seconds=60)
    eventually(
        lambda: len([one for one in receiver.told(path) if one.asset_id == published]) >= 3,
        within_seconds=60,
    )
    again = [one for one in receiver.told(path)[len(told) :] if one.asset_id == published]
    assert {one.webhook_id for one in again} <= ids
    assert customer.commands.delete(endpoint).status_code == 200


def test_the_live_feed_tells_the_same_and_goes_on_where_it_broke_off(
    customer: Customer, stranger: Customer, supplier: Supplier
) -> None:
    def follow(last_id: str, until: Callable[[Piece], bool]) -> list[Piece]:
        """Listen until something comes, and leave then without a word."""
        seen = []
        headers = {"Last-Event-ID": last_id} if last_id else {}
        with customer.queries.stream("GET", "/v1/events", headers=headers, timeout=60) as answer:
            for piece in pieces(answer.iter_lines()):
                seen.append(piece)
                if until(piece):
                    break
        return seen

    (begun,) = follow("", lambda _: True)
    asset_id = customer.submit(supplier.url("picture/32.jpg"), "cats")
    first = follow(begun.id, lambda piece: piece.type == "asset.submitted")
    customer.ended(asset_id)
    customer.commands.delete(f"/v1/assets/{asset_id}")
    second = follow(first[-1].id, lambda piece: piece.type == "asset.deleted")

    path = f"/v1/assets/{asset_id}/events"
    told = [piece for piece in first + second if piece.data]
    assert [piece.type for piece in told] == [
        "asset.submitted",
        "asset.published",
        "asset.deleted",
    ]
    eventually(
        lambda: (
            [event["event_id"] for event in customer.queries.get(path).json()["items"]]
            == [piece.event_id for piece in told]
        ),
        within_seconds=60,
    )
    everything = customer.queries.get(
        "/v1/events", params={"from": "2020-01-01"}, headers={"Prefer": "wait=0"}
    )
    again = [one for one in pieces(iter(everything.text.splitlines())) if one.data]
    assert [one.data for one in again] == [one.data for one in told]
    theirs = stranger.queries.get(
        "/v1/events", params={"from": "2020-01-01"}, headers={"Prefer": "wait=0"}
    )
    assert "asset" not in theirs.text
    stolen = stranger.queries.get("/v1/events", headers={"Last-Event-ID": told[0].id})
    assert stolen.status_code == 400
