"""Changes to assets: descriptions, categories, deletion, new sources, versions."""

from http import HTTPStatus
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from domain.asset.commands import DescribeAsset, RefreshAsset, ReplaceSource
from tests.support.fakes.fake_decider import FakeDecider
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.samples import metadata, publish

URL = "https://example.com/cat.jpg"
NOBODY = "0190e5a2-6f1c-7c39-9b0e-3f1d7a7f0c11"


@pytest.fixture
def asset(client: TestClient, decider: FakeDecider) -> str:
    """A published asset, by its address; at version 2."""
    body = {"download_url": URL, "category": "cats", "metadata": {"a": 1, "b": 2}}
    asset_id = client.post("/v1/assets", json=body).json()["asset_id"]
    decider.decide(publish(metadata(asset_id)))
    return f"/v1/assets/{asset_id}"


def refused(response: httpx2.Response, status: int, name: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    problem: dict[str, Any] = response.json()
    assert problem["type"] == f"https://query.example/problems/{name}"
    return problem


def test_a_patch_changes_what_it_names_and_null_empties(
    client: TestClient, decider: FakeDecider, asset: str
) -> None:
    response = client.patch(asset, json={"title": "New", "metadata": {"a": None, "c": 3}})
    assert response.status_code == HTTPStatus.OK
    assert response.json()["title"] == "New"
    assert response.json()["metadata"] == {"b": 2, "c": 3}
    assert response.headers["etag"] == '"3"'
    assert client.patch(asset, json={"title": None}).json()["title"] == ""
    command = decider.sent[-1]
    assert isinstance(command, DescribeAsset)
    assert command.patch == '{"title": null}'


def test_a_focal_point_is_set_changed_and_taken_away(client: TestClient, asset: str) -> None:
    for point in ({"x": 0.3, "y": 1.0}, {"x": 0.0, "y": 0.125}, None):
        response = client.patch(asset, json={"focal_point": point})
        assert response.json()["focal_point"] == point
    for wrong in ({"x": 0.3}, {"x": 0.3, "y": 1.1}, {"x": 0.3, "y": "1"}, {"x": 0, "y": 0, "z": 0}):
        refused(client.patch(asset, json={"focal_point": wrong}), 422, "request-invalid")


def test_a_merge_patch_may_say_what_it_is(client: TestClient, asset: str) -> None:
    headers = {"content-type": "application/merge-patch+json"}
    assert client.patch(asset, content='{"title":"x"}', headers=headers).status_code == 200
    assert client.put(f"{asset}/categories", content="{}", headers=headers).status_code == 415


def test_categories_are_set_as_a_whole(client: TestClient, asset: str) -> None:
    for name in ("Dogs", "Owls"):
        client.post("/v1/categories", json={"name": name})
    response = client.put(f"{asset}/categories", json={"categories": ["dogs", "owls"]})
    assert len(response.json()["categories"]) == 2
    again = client.put(f"{asset}/categories", json={"categories": ["owls", "dogs"]})
    assert again.json()["version"] == response.json()["version"]
    assert "scalehoster-position" not in again.headers  # nothing had to be written
    refused(client.put(f"{asset}/categories", json={"categories": ["no"]}), 422, "unknown-category")


def test_a_deletion_can_be_undone_until_it_is_purged(client: TestClient, asset: str) -> None:
    refused(client.post(f"{asset}/purge"), 409, "asset-is-not-deleted")
    assert client.delete(asset).json()["status"] == "deleted"
    refused(client.patch(asset, json={"title": "x"}), 409, "asset-is-deleted")
    assert client.post(f"{asset}/restore").json()["status"] == "published"
    assert client.delete(asset).json()["status"] == "deleted"
    assert client.post(f"{asset}/purge").json()["status"] == "purged"
    refused(client.post(f"{asset}/restore"), 409, "asset-is-purged")


def test_renditions_are_made_anew_from_the_original(client: TestClient, asset: str) -> None:
    assert client.post(f"{asset}/reprocess").status_code == HTTPStatus.ACCEPTED
    again = client.post(f"{asset}/reprocess", json={"preset": "default"})
    assert again.status_code == HTTPStatus.ACCEPTED
    assert again.headers["location"] == f"https://query.example{asset}"


def test_without_an_original_there_is_nothing_to_reprocess(client: TestClient) -> None:
    body = {"download_url": URL, "category": "cats"}
    asset_id = client.post("/v1/assets", json=body).json()["asset_id"]
    response = client.post(f"/v1/assets/{asset_id}/reprocess")
    refused(response, 409, "asset-has-no-original")


def test_a_source_is_asked_again_once_for_each_key(
    client: TestClient, decider: FakeDecider, asset: str
) -> None:
    key = {"idempotency-key": "nightly"}
    response = client.post(f"{asset}/refresh", headers=key)
    assert response.status_code == HTTPStatus.ACCEPTED
    assert (response.json()["status"], response.json()["version"]) == ("published", 3)
    assert client.post(f"{asset}/refresh", headers=key).json() == response.json()
    assert client.post(f"{asset}/refresh").json()["version"] == 4
    command = decider.sent[-1]
    assert isinstance(command, RefreshAsset)
    assert not command.is_bulk


def test_an_upload_has_no_source_to_ask_again(client: TestClient) -> None:
    upload = client.post("/v1/assets", files={"file": ("a.jpg", b"x")}, data={"category": "cats"})
    response = client.post(f"/v1/assets/{upload.json()['asset_id']}/refresh")
    refused(response, 409, "asset-has-no-url")


def test_a_source_is_replaced_by_url_or_by_upload(
    client: TestClient, decider: FakeDecider, blobs: MemoryBlobStore, asset: str
) -> None:
    other = "https://example.com/dog.jpg"
    response = client.put(f"{asset}/source", json={"download_url": other})
    assert response.status_code == HTTPStatus.ACCEPTED
    assert response.json()["source_url"] == other
    response = client.put(f"{asset}/source", files={"file": ("dog.jpg", b"dog")})
    assert response.status_code == HTTPStatus.ACCEPTED
    assert response.json()["file_name"] == "dog.jpg"
    command = decider.sent[-1]
    assert isinstance(command, ReplaceSource)
    assert command.source.upload_key in blobs.blobs


@pytest.mark.parametrize("asset_id", [NOBODY, NOBODY.upper(), "x", "%2e%2e", "a" * 5_000])
def test_what_is_not_there_is_not_found(client: TestClient, asset_id: str) -> None:
    address = f"/v1/assets/{asset_id}"
    refused(client.delete(address), 404, "asset-not-found")
    refused(client.patch(address, json={"title": "x"}), 404, "asset-not-found")


def test_a_stale_version_is_refused_with_the_current_one(client: TestClient, asset: str) -> None:
    stale = {"if-match": '"1"'}
    for response in (
        client.patch(asset, json={"title": "x"}, headers=stale),
        client.put(f"{asset}/categories", json={"categories": ["cats"]}, headers=stale),
        client.delete(asset, headers=stale),
        client.post(f"{asset}/reprocess", headers=stale),
        client.post(f"{asset}/refresh", headers=stale),
        client.put(f"{asset}/source", json={"download_url": URL}, headers=stale),
    ):
        assert refused(response, 412, "version-mismatch")["current_version"] == "2"
    current = {"if-match": '"2"'}
    assert client.patch(asset, json={"title": "x"}, headers=current).status_code == 200


@pytest.mark.parametrize("value", ["2", 'W/"2"', '"2", "3"', '"x"', '"-1"', f'"{10**30}"'])
def test_a_malformed_condition_is_refused(client: TestClient, asset: str, value: str) -> None:
    refused(client.delete(asset, headers={"if-match": value}), 400, "malformed-header")


def test_any_version_will_do_for_a_star(client: TestClient, asset: str) -> None:
    assert client.delete(asset, headers={"if-match": "*"}).status_code == 200
