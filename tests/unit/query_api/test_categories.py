"""The category tree."""

from starlette.testclient import TestClient

from query_api.models import CategoriesAnswer, CategoryAnswer
from tests.samples import archive_category, category_id
from tests.unit.query_api.story import Story


def test_the_tree_is_listed_branch_by_branch(client: TestClient, story: Story) -> None:
    tree = CategoriesAnswer.model_validate(client.get("/v1/categories").json())
    assert [one.path for one in tree.items] == ["animals", "animals/cats", "animals/dogs"]
    assert tree.items[1].parent_id == category_id("animals")


def test_an_archived_category_is_not_listed_unless_asked_for(
    client: TestClient, story: Story
) -> None:
    story.tell(archive_category("dogs"))
    paths = [one["path"] for one in client.get("/v1/categories").json()["items"]]
    assert paths == ["animals", "animals/cats"]
    everything = client.get("/v1/categories", params={"include_archived": True}).json()
    assert [one["is_archived"] for one in everything["items"]] == [False, False, True]
    assert client.get("/v1/categories/dogs").json()["is_archived"] is True
    assert client.get("/v1/categories/dogs/assets").status_code == 404


def test_a_category_is_found_by_slug_and_by_id(client: TestClient, story: Story) -> None:
    by_slug, by_id = (client.get(f"/v1/categories/{ref}") for ref in ("cats", category_id("cats")))
    assert CategoryAnswer.model_validate(by_slug.json()).name == "Cats"
    assert by_slug.json() == by_id.json()
    known = client.get("/v1/categories/cats", headers={"If-None-Match": by_slug.headers["etag"]})
    assert known.status_code == 304


def test_an_unknown_category_is_not_found(client: TestClient, story: Story) -> None:
    for path in ("/v1/categories/birds", "/v1/categories/birds/assets"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.json()["type"].endswith("/problems/category-not-found")
