"""The category tree over HTTP."""

from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from domain.category.commands import MoveCategory, RenameCategory, ReviseCategory
from tests.support.fakes.fake_decider import FakeDecider


def create(client: TestClient, name: str, **fields: object) -> httpx2.Response:
    return client.post("/v1/categories", json={"name": name, **fields})


def test_a_category_is_opened_below_another(client: TestClient) -> None:
    response = create(client, "Big Cats!", parent="cats")
    answer = response.json()
    assert response.status_code == 201
    assert answer["slug"] == "big-cats"
    assert answer["parent_id"]
    link = f"https://query.example/v1/categories/{answer['category_id']}"
    assert response.headers["location"] == link


def test_the_same_key_opens_it_once(client: TestClient) -> None:
    headers = {"idempotency-key": "c-1"}
    answers = [
        client.post("/v1/categories", json={"name": "Owls"}, headers=headers).text for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert create(client, "Owls").json()["type"].endswith("/problems/category-already-exists")


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "日本"},
        {"name": "0190e5a2-6f1c-7c39-9b0e-3f1d7a7f0c11"},
        {"name": "x", "slug": "0190e5a2-6f1c-7c39-9b0e-3f1d7a7f0c11"},
        {"name": "x", "slug": "Not_A-slug"},
        {"name": "x", "slug": "-a"},
        {"name": "x", "slug": "a" * 65},
        {"name": "x" * 201},
        {"name": "x", "parent": "../a"},
        {"name": "x", "id": 7},
    ],
)
def test_what_makes_no_category_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    response = client.post("/v1/categories", json=body)
    assert response.status_code == 422
    assert response.json()["errors"]


def test_a_name_in_any_script_will_do_with_a_slug(client: TestClient) -> None:
    assert create(client, "日本", slug="japan").json()["name"] == "日本"


@pytest.mark.parametrize(
    ("patch", "command"),
    [
        ({"name": "Kittens"}, RenameCategory),
        ({"slug": "kittens"}, RenameCategory),
        ({"parent": None}, MoveCategory),
        ({"parent": "pets"}, MoveCategory),
        ({"name": "Kittens", "slug": "kittens", "parent": "pets"}, ReviseCategory),
        ({"slug": "kittens", "parent": None}, ReviseCategory),
    ],
)
def test_a_patch_changes_only_what_it_names(
    client: TestClient, decider: FakeDecider, patch: dict[str, Any], command: type
) -> None:
    pets = create(client, "Pets").json()["category_id"]
    before = {"name": "Cats", "slug": "cats", "parent_id": None}
    response = client.patch("/v1/categories/cats", json=patch)
    assert response.status_code == 200, response.text
    wanted = {key: value for key, value in patch.items() if key != "parent"}
    if patch.get("parent"):
        wanted["parent_id"] = pets
    assert {key: response.json()[key] for key in before} == before | wanted
    assert type(decider.sent[-1]) is command


@pytest.mark.parametrize(
    "patch", [{}, {"name": None}, {"slug": None}, {"name": ""}, {"slug": ""}, {"x": 1}]
)
def test_a_patch_that_changes_nothing_we_know_is_refused(
    client: TestClient, patch: dict[str, Any]
) -> None:
    assert client.patch("/v1/categories/cats", json=patch).status_code == 422


def test_a_category_goes_and_comes_back(client: TestClient) -> None:
    assert client.delete("/v1/categories/cats").json()["is_archived"] is True
    body = {"download_url": "https://example.com/a.jpg", "category": "cats"}
    refusal = client.post("/v1/assets", json=body).json()
    assert refusal["type"].endswith("/problems/category-is-archived")
    assert client.post("/v1/categories/cats/restore").json()["is_archived"] is False
    assert client.post("/v1/assets", json=body).status_code == 202


def test_a_parent_with_children_stays(client: TestClient) -> None:
    create(client, "Kittens", parent="cats")
    response = client.delete("/v1/categories/cats")
    assert response.status_code == 409
    assert response.json()["child"] == "kittens"


def test_a_category_is_found_by_id_too(client: TestClient) -> None:
    category_id = create(client, "Dogs").json()["category_id"]
    assert client.delete(f"/v1/categories/{category_id}").json()["slug"] == "dogs"


def test_a_stale_version_is_refused(client: TestClient) -> None:
    version = client.patch("/v1/categories/cats", json={"name": "Felines"}).json()["version"]
    stale = client.delete("/v1/categories/cats", headers={"if-match": f'"{version - 1}"'})
    assert stale.status_code == 412
    assert stale.json()["current_version"] == str(version)
    fresh = client.delete("/v1/categories/cats", headers={"if-match": f'"{version}"'})
    assert fresh.status_code == 200


@pytest.mark.parametrize("ref", ["dogs", "No_Slug", "a" * 65])
def test_a_category_that_is_not_there_is_not_found(client: TestClient, ref: str) -> None:
    for response in (
        client.delete(f"/v1/categories/{ref}"),
        client.post(f"/v1/categories/{ref}/restore"),
        client.patch(f"/v1/categories/{ref}", json={"name": "x"}),
    ):
        assert response.status_code == 404
        assert response.json()["type"].endswith("/problems/category-not-found")
