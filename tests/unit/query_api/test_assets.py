"""One asset in each of its states, and its history."""

from datetime import datetime, timedelta

from starlette.testclient import TestClient

from domain.asset.commands import DelayAsset, DeleteAsset, DescribeAsset, PurgeAsset
from domain.values import FocalPoint, Sha256
from tests.support.samples import NOON, metadata
from tests.support.story import Story, asset_id


def test_a_published_asset_is_shown_whole(client: TestClient, story: Story) -> None:
    named = story.publish(1, "cats", title="Tom")
    answer = client.get(f"/v1/assets/{named}")
    assert answer.status_code == 200
    asset = answer.json()
    assert asset["status"] == "published"
    assert asset["title"] == "Tom"
    assert asset["public_url"] == f"https://img.example/i/{named}"
    assert [one["slug"] for one in asset["categories"]] == ["cats"]
    assert asset["metadata"] == {"shelf": 7}
    assert asset["facts"]["camera"] == "Acme One"
    assert asset["renditions"][0]["url"] == f"https://img.example/i/{named}/large.webp?v={'1' * 16}"
    assert answer.headers["etag"] == '"2"'


def test_a_marked_asset_tells_with_what_now_and_then(client: TestClient, story: Story) -> None:
    plain, marked = story.publish(1, "cats"), story.publish(2, "cats", watermark=Sha256("d" * 64))
    told = [
        client.get(f"/v1/assets/{named}{past}").json()["watermark"]
        for named in (plain, marked)
        for past in ("", "?version=2", "?version=1")
    ]
    assert told == [None, None, None, "d" * 64, "d" * 64, None]


def test_a_focal_point_is_told_now_and_then(client: TestClient, story: Story) -> None:
    named = story.publish(1, "cats", focal_point=FocalPoint(x=0.3, y=1))
    story.tell(DescribeAsset(metadata=metadata(named), patch='{"focal_point": null}'))
    told = [
        client.get(f"/v1/assets/{named}{past}").json()["focal_point"]
        for past in ("", "?version=3", "?version=2", "?version=1")
    ]
    assert told == [None, None, {"x": 0.3, "y": 1.0}, {"x": 0.3, "y": 1.0}]


def test_where_blobs_lie_is_not_told(client: TestClient, story: Story) -> None:
    named = story.publish(1, "cats")
    assert "blob_key" not in client.get(f"/v1/assets/{named}").text


def test_a_submitted_asset_has_no_public_url_yet(client: TestClient, story: Story) -> None:
    named = story.submit(1, "cats")
    asset = client.get(f"/v1/assets/{named}").json()
    assert (asset["status"], asset["public_url"], asset["renditions"]) == ("submitted", None, [])


def test_a_refused_duplicate_names_the_other(client: TestClient, story: Story) -> None:
    there = story.publish(1, "cats")
    here = story.reject_duplicate(2, there, "cats", wish="refuse")
    failure = client.get(f"/v1/assets/{here}").json()["failure"]
    assert (failure["code"], failure["duplicate_of"]) == ("duplicate", there)
    assert not failure["is_transient"]
    past = client.get(f"/v1/assets/{here}?version=2").json()
    assert past["failure"] == failure


def test_a_rejected_asset_tells_why(client: TestClient, story: Story) -> None:
    story.submit(1, "cats")
    named = story.reject(1)
    asset = client.get(f"/v1/assets/{named}").json()
    assert asset["status"] == "rejected"
    assert asset["failure"] == {
        "code": "http_status",
        "detail": "it answered 404",
        "attempts": 1,
        "is_transient": False,
        "retry_at": None,
        "duplicate_of": None,
    }


def test_an_asset_that_waits_for_another_attempt_tells_when_that_comes(
    client: TestClient, story: Story
) -> None:
    named = story.submit(1, "cats")
    retry_at = NOON + timedelta(minutes=1)
    story.tell(
        DelayAsset(
            metadata=metadata(named),
            run=1,
            code="timeout",
            detail="it took too long",
            attempts=2,
            retry_at=retry_at,
        )
    )
    asset = client.get(f"/v1/assets/{named}").json()
    assert asset["status"] == "submitted"
    assert (asset["failure"]["code"], asset["failure"]["attempts"]) == ("timeout", 2)
    assert datetime.fromisoformat(asset["failure"]["retry_at"]) == retry_at


def test_a_deleted_and_a_purged_asset_still_answer_with_their_status(
    client: TestClient, story: Story
) -> None:
    named = story.publish(1, "cats", title="Tom")
    story.tell(DeleteAsset(metadata=metadata(named)))
    deleted = client.get(f"/v1/assets/{named}").json()
    assert deleted["status"] == "deleted"
    assert (deleted["public_url"], deleted["renditions"]) == (None, [])
    story.tell(PurgeAsset(metadata=metadata(named)))
    purged = client.get(f"/v1/assets/{named}").json()
    assert (purged["status"], purged["title"], purged["source"]["url"]) == ("purged", "", None)


def test_an_asset_that_the_client_has_is_not_sent_again(client: TestClient, story: Story) -> None:
    named = story.publish(1, "cats")
    again = client.get(f"/v1/assets/{named}", headers={"If-None-Match": '"1", W/"2"'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", '"2"')
    older = client.get(f"/v1/assets/{named}", headers={"If-None-Match": '"1"'})
    assert older.status_code == 200


def test_history_tells_every_event_in_order(client: TestClient, story: Story) -> None:
    named = story.publish(1, "cats")
    story.tell(DeleteAsset(metadata=metadata(named)))
    history = client.get(f"/v1/assets/{named}/events").json()
    told = [(event["version"], event["name"]) for event in history["items"]]
    assert told == [(1, "AssetSubmitted"), (2, "AssetPublished"), (3, "AssetDeleted")]
    assert history["items"][0]["actor"] == "key:k1"
    assert history["items"][0]["event"]["source"]["url"] == "https://example.com/1.jpg"


def test_what_nobody_submitted_is_not_found(client: TestClient, story: Story) -> None:
    for path in (f"/v1/assets/{asset_id(9)}", f"/v1/assets/{asset_id(9)}/events"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.json()["type"] == "https://api.example/problems/asset-not-found"
