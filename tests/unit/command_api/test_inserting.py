"""POST /v1/assets, by URL and by upload."""

import json
from hashlib import sha256
from http import HTTPStatus
from ipaddress import IPv4Network
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from command_api.app import CommandApiParts, create_app
from command_api.ids import keyed_asset_id
from domain.asset.commands import SubmitAsset
from infra.http.position_header import position_from_header
from infra.settings import FetchSettings
from tests.support.api_keys import Keys
from tests.support.fakes.fake_decider import FakeDecider
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.samples import ACME
from tests.unit.command_api.conftest import SETTINGS

URL = "https://example.com/cat.jpg"
CAT: dict[str, Any] = {"download_url": URL, "category": "cats"}


def pointers(response: httpx2.Response) -> list[str]:
    assert response.status_code == 422, response.text
    return [error["pointer"] for error in response.json()["errors"]]


def test_a_url_becomes_a_submitted_asset(client: TestClient, decider: FakeDecider) -> None:
    response = client.post("/v1/assets", json=CAT | {"title": "A cat", "tags": ["fur"]})
    answer = response.json()
    assert response.status_code == HTTPStatus.ACCEPTED
    assert answer["status"] == "submitted"
    assert answer["title"] == "A cat"
    assert answer["tags"] == ["fur"]
    assert answer["public_url"] == f"https://pictures.example/i/{answer['asset_id']}"
    assert response.headers["location"] == f"https://query.example/v1/assets/{answer['asset_id']}"
    assert response.headers["etag"] == '"1"'
    assert position_from_header(response.headers["scalehoster-position"]).topic == "asset-events"
    assert decider.events[-1].metadata.entity_id == answer["asset_id"]


def test_the_command_says_who_wants_it_and_where_the_answer_goes(
    client: TestClient, decider: FakeDecider
) -> None:
    client.post("/v1/assets", json=CAT, headers={"x-request-id": "r-1"})
    metadata = decider.sent[-1].metadata
    assert metadata.tenant_id == ACME
    assert metadata.actor.startswith("key:key_")
    assert metadata.correlation_id == "r-1"
    assert metadata.reply_partition == 3
    assert metadata.fingerprint


def test_the_same_key_inserts_once_and_answers_alike(
    client: TestClient, decider: FakeDecider
) -> None:
    answers = [
        client.post("/v1/assets", json=CAT, headers={"idempotency-key": key})
        for key in ("k-1", '"k-1"', "k-1")
    ]
    assert len({answer.text for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {202}
    assert answers[0].json()["asset_id"] == keyed_asset_id(ACME, "k-1")
    assert [type(event).__name__ for event in decider.events].count("AssetSubmitted") == 1


def test_the_order_of_fields_does_not_make_another_request(client: TestClient) -> None:
    headers = {"idempotency-key": "k-1", "content-type": "application/json"}
    backwards = json.dumps(dict(reversed(CAT.items())), indent=2)
    assert client.post("/v1/assets", json=CAT, headers=headers).status_code == 202
    assert client.post("/v1/assets", content=backwards, headers=headers).status_code == 202


def test_the_same_key_with_another_body_is_refused(client: TestClient) -> None:
    client.post("/v1/assets", json=CAT, headers={"idempotency-key": "k-1"})
    other = CAT | {"title": "Another"}
    response = client.post("/v1/assets", json=other, headers={"idempotency-key": "k-1"})
    assert response.status_code == 422
    assert response.json()["type"].endswith("/problems/idempotency-key-reused")


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "a\tb", '"open', '"a" b', "\u00fc"])
def test_a_malformed_idempotency_key_is_refused(client: TestClient, key: str) -> None:
    response = client.post("/v1/assets", json=CAT, headers={b"idempotency-key": key.encode()})
    assert response.status_code == 400
    assert response.json()["errors"][0]["parameter"] == "Idempotency-Key"


def test_an_unknown_category_is_named(client: TestClient, decider: FakeDecider) -> None:
    happened = len(decider.events)
    response = client.post("/v1/assets", json=CAT | {"category": "dogs"})
    assert response.status_code == 422
    assert response.json()["categories"] == "dogs"
    assert len(decider.events) == happened


def test_missing_categories_are_opened_when_asked_for(
    client: TestClient, decider: FakeDecider
) -> None:
    body = {
        "download_url": URL,
        "categories": ["cats", "dogs", "owls"],
        "create_missing_categories": True,
    }
    response = client.post("/v1/assets", json=body, headers={"prefer": "respond-async"})
    assert response.status_code == 202
    assert len(response.json()["categories"]) == 3
    names = [type(event).__name__ for event in decider.events]
    assert names.count("CategoryCreated") == 3  # cats was there
    assert client.post("/v1/assets", json=CAT | {"category": "owls"}).status_code == 202


def test_an_id_that_names_no_category_is_not_opened(
    client: TestClient, decider: FakeDecider
) -> None:
    happened = len(decider.events)
    unknown = "0190e5a2-6f1c-7c39-9b0e-3f1d7a7f0c11"
    body = {"download_url": URL, "category": unknown, "create_missing_categories": True}
    assert client.post("/v1/assets", json=body).json()["categories"] == unknown
    assert len(decider.events) == happened


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"download_url": "ftp://example.com/a"}, "#/download_url"),
        ({"download_url": "http://10.0.0.1/a.jpg"}, "#/download_url"),
        ({"download_url": "http://127.0.0.1:3011/a.jpg"}, "#/download_url"),
        ({"download_url": 7}, "#/download_url"),
        ({"category": "Cats"}, "#/category"),
        ({"category": "a--b"}, "#/category"),
        ({"categories": ["cats"]}, "#"),
        ({"category": None}, "#"),
        ({"category": None, "categories": []}, "#/categories"),
        ({"category": None, "categories": ["a", "b", "c", "d"]}, "#/categories"),
        ({"title": "x" * 2_001}, "#/title"),
        ({"tags": ["x"] * 51}, "#/tags"),
        ({"tags": ["x" * 101]}, "#/tags/0"),
        ({"metadata": {"a": "x" * 16_384}}, "#/metadata"),
        ({"metadata": []}, "#/metadata"),
        ({"preset": "unknown"}, "#/preset"),
        ({"duplicates": "merge"}, "#/duplicates"),
        ({"create_missing_categories": "yes"}, "#/create_missing_categories"),
        ({"colour": "red"}, "#/colour"),
    ],
)
def test_a_bad_field_is_pointed_at_and_nothing_is_sent(
    client: TestClient, decider: FakeDecider, change: dict[str, Any], pointer: str
) -> None:
    sent = len(decider.sent)
    assert pointer in pointers(client.post("/v1/assets", json=CAT | change))
    assert len(decider.sent) == sent


def test_an_allowed_origin_may_be_anywhere(client: TestClient) -> None:
    body = CAT | {"download_url": "http://127.0.0.1:3010/a.jpg"}
    assert client.post("/v1/assets", json=body).status_code == 202


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 500, '{"title": "\\ud800"}', b"\xff", '{"metadata": {"a": 1e999'[:-1]]
)
def test_what_is_not_json_is_told_so(client: TestClient, text: str | bytes) -> None:
    headers = {"content-type": "application/json"}
    response = client.post("/v1/assets", content=text, headers=headers)
    assert response.status_code == 400
    assert response.json()["type"].endswith("/problems/malformed-json")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_numbers_that_json_does_not_have_are_refused(client: TestClient, number: str) -> None:
    text = json.dumps(CAT)[:-1] + f', "metadata": {{"a": {number}}}}}'
    headers = {"content-type": "application/json"}
    response = client.post("/v1/assets", content=text, headers=headers)
    assert response.status_code in (400, 422)


def test_another_media_type_is_refused(client: TestClient) -> None:
    headers = {"content-type": "text/plain"}
    assert client.post("/v1/assets", content="{}", headers=headers).status_code == 415


def test_a_body_beyond_the_limit_is_refused(client: TestClient) -> None:
    assert client.post("/v1/assets", json=CAT | {"title": "x" * 100_001}).status_code == 413


def test_metadata_is_kept_as_json(client: TestClient, decider: FakeDecider) -> None:
    metadata = {"b": [1, {"ü": None}], "a": 1.5}
    response = client.post("/v1/assets", json=CAT | {"metadata": metadata})
    assert response.json()["metadata"] == metadata
    command = decider.sent[-1]
    assert isinstance(command, SubmitAsset)
    assert command.description.metadata == '{"a": 1.5, "b": [1, {"ü": null}]}'


def upload(
    client: TestClient, data: bytes, name: str = "cat.jpg", **fields: str | list[str]
) -> httpx2.Response:
    return client.post(
        "/v1/assets",
        files={"file": (name, data, "image/jpeg")},
        data={"category": "cats", **fields},
        headers={"idempotency-key": "u-1"},
    )


def test_an_upload_is_staged_and_submitted(
    client: TestClient, decider: FakeDecider, blobs: MemoryBlobStore
) -> None:
    data = b"picture" * 100
    response = upload(
        client, data, tags=["a", "b"], metadata='{"n": 1}', create_missing_categories="true"
    )
    asset_id = keyed_asset_id(ACME, "u-1")
    assert response.status_code == 202, response.text
    assert response.json()["file_name"] == "cat.jpg"
    assert response.json()["source_url"] is None
    assert response.json()["tags"] == ["a", "b"]
    assert response.json()["metadata"] == {"n": 1}
    command = decider.sent[-1]
    assert isinstance(command, SubmitAsset)
    key = command.source.upload_key
    assert key is not None
    assert blobs.blobs == {key: data}
    folder, _, digest = key.rsplit("/", 2)
    assert folder == f"assets/{ACME}/{asset_id}/uploads"
    assert digest == sha256(data).hexdigest()


def test_the_same_upload_again_is_the_same_asset_and_other_bytes_are_refused(
    client: TestClient,
) -> None:
    first, again, other = (upload(client, data) for data in (b"a", b"a", b"b"))
    assert again.text == first.text
    assert other.json()["type"].endswith("/problems/idempotency-key-reused")


def test_what_is_sent_again_is_staged_again_so_that_no_two_commands_name_the_same(
    client: TestClient, decider: FakeDecider, blobs: MemoryBlobStore
) -> None:
    upload(client, b"a")
    upload(client, b"a")
    upload(client, b"b", category="new", create_missing_categories="true")
    upload(client, b"b", category="newer")
    named = [each.source.upload_key for each in decider.sent if isinstance(each, SubmitAsset)]
    assert len(named) == len(set(named))
    assert set(named) == blobs.blobs.keys()


def test_a_submission_that_comes_again_when_its_categories_are_made_names_another_copy(
    client: TestClient, decider: FakeDecider, blobs: MemoryBlobStore
) -> None:
    response = upload(client, b"a", category="new", create_missing_categories="true")
    assert response.status_code == 202, response.text
    refused, accepted = (each for each in decider.sent if isinstance(each, SubmitAsset))
    assert refused.source.upload_key != accepted.source.upload_key
    assert blobs.blobs == dict.fromkeys(
        (refused.source.upload_key, accepted.source.upload_key), b"a"
    )


def test_what_was_staged_for_a_command_that_was_not_sent_is_removed(
    client: TestClient, decider: FakeDecider, blobs: MemoryBlobStore
) -> None:
    decider.is_overloaded = True
    assert upload(client, b"a").status_code == 503
    asset = f"/v1/assets/{keyed_asset_id(ACME, 'u-1')}"
    replaced = client.put(f"{asset}/source", files={"file": ("dog.jpg", b"dog")})
    assert replaced.status_code == 503
    assert not blobs.blobs


def test_a_file_beyond_the_limit_is_not_kept(client: TestClient, blobs: MemoryBlobStore) -> None:
    assert upload(client, b"x" * 50_001).status_code == 413
    assert upload(client, b"x" * 200_000).status_code == 413
    assert not blobs.blobs


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [({"title": "x" * 2_001}, "#/title"), ({"metadata": "{"}, "#/metadata"), ({"z": "1"}, "#/z")],
)
def test_bad_fields_beside_a_file_are_pointed_at_before_anything_is_kept(
    client: TestClient, blobs: MemoryBlobStore, fields: dict[str, str], pointer: str
) -> None:
    assert pointer in pointers(upload(client, b"a", **fields))
    assert not blobs.blobs


def test_a_form_without_bytes_is_refused(client: TestClient) -> None:
    assert pointers(upload(client, b"")) == ["#/file"]
    response = client.post("/v1/assets", files={"other": b"a"}, data={"category": "cats"})
    assert response.status_code in (400, 422)


def test_a_broken_form_is_refused(client: TestClient) -> None:
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x"):
        response = client.post("/v1/assets", content=b"--y", headers={"content-type": content_type})
        assert response.status_code == 400, response.text
        assert response.json()["type"].endswith("/problems/malformed-form")


def test_a_file_name_is_cut_to_what_can_be_shown(client: TestClient) -> None:
    response = upload(client, b"a", name="../../etc/pass\u202ewd.jpg")
    assert response.json()["file_name"] == "passwd.jpg"


def test_a_focal_point_may_be_said_with_the_insert(client: TestClient) -> None:
    point = {"x": 0.25, "y": 0.7}
    by_url = client.post("/v1/assets", json=CAT | {"focal_point": point})
    by_upload = upload(client, b"a", focal_point=json.dumps(point))
    assert by_url.json()["focal_point"] == by_upload.json()["focal_point"] == point
    assert "#/focal_point" in pointers(upload(client, b"a", focal_point="0.3"))


@pytest.mark.parametrize("wish", ["keep", "return", "refuse"])
def test_what_is_to_become_of_duplicates_is_handed_on(
    client: TestClient, decider: FakeDecider, wish: str
) -> None:
    fields = {"category": "cats", "duplicates": wish}
    by_url = client.post("/v1/assets", json={"download_url": URL, **fields})
    upload = client.post("/v1/assets", files={"file": ("a.jpg", b"x")}, data=fields)
    assert (by_url.status_code, upload.status_code) == (202, 202)
    sent = [each for each in decider.sent if isinstance(each, SubmitAsset)]
    assert [each.duplicates for each in sent] == [wish, wish]


def test_nothing_is_taken_in_from_a_network_that_the_operator_refuses(
    client: TestClient, parts: CommandApiParts
) -> None:
    fetch = FetchSettings(refused_networks=(IPv4Network("93.184.216.0/24"),))
    app, _ = create_app(SETTINGS.model_copy(update={"fetch": fetch}), parts)
    strict = TestClient(app, headers=dict(client.headers))
    url = "http://93.184.216.34/cat.jpg"
    assert client.post("/v1/assets", json=CAT | {"download_url": url}).status_code == 202
    assert pointers(strict.post("/v1/assets", json=CAT | {"download_url": url})) == [
        "#/download_url"
    ]


def test_the_same_key_with_another_file_name_is_another_request(client: TestClient) -> None:
    def insert(file_name: str) -> httpx2.Response:
        return client.post(
            "/v1/assets",
            files={"file": (file_name, b"a picture", "image/jpeg")},
            data={"category": "cats"},
            headers={"idempotency-key": "k-1"},
        )

    assert insert("cat.jpg").status_code == 202
    assert insert("cat.jpg").status_code == 202
    again = insert("dog.jpg")
    assert again.status_code == 422
    assert again.json()["type"].endswith("/idempotency-key-reused")


def test_a_key_of_a_request_is_the_tenants_whichever_api_key_sends_it(
    client: TestClient, keys: Keys, decider: FakeDecider
) -> None:
    """Who replaces an API key and sends an insert again means the same insert."""
    headers = {"idempotency-key": "k-1"}
    first = client.post("/v1/assets", json=CAT, headers=headers)
    other = {"authorization": f"Bearer {keys.add(['assets:write'])}"}
    second = client.post("/v1/assets", json=CAT, headers=headers | other)
    assert (second.status_code, second.json()) == (202, first.json())
    assert len({command.metadata.command_id for command in decider.sent[-2:]}) == 1
    assert [type(event).__name__ for event in decider.events].count("AssetSubmitted") == 1


@pytest.mark.parametrize("host", ["あ\ufe0f.example", "\ufe0f.example", "xא.example", "́a.example"])
def test_a_name_that_dns_does_not_have_is_refused_at_once(client: TestClient, host: str) -> None:
    response = client.post("/v1/assets", json=CAT | {"download_url": f"https://{host}/cat.jpg"})
    assert response.status_code == 422
    assert pointers(response) == ["#/download_url"]
