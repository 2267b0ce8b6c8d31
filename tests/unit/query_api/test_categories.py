"""The category tree."""

from itertools import chain, pairwise

import pytest
from starlette.testclient import TestClient

from domain.category.commands import MoveCategory
from domain.values import CategoryRef
from infra.http.position_header import position_to_header
from query_api.listing.category_tree import CategoryTree
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.samples import ACME, archive_category, category_id, create_category, metadata
from tests.support.story import Story


def test_the_tree_is_listed_branch_by_branch(client: TestClient, story: Story) -> None:
    tree = client.get("/v1/categories").json()
    assert [one["path"] for one in tree["items"]] == ["animals", "animals/cats", "animals/dogs"]
    assert tree["items"][1]["parent_id"] == category_id("animals")


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
    assert by_slug.json()["name"] == "Cats"
    assert by_slug.json() == by_id.json()
    known = client.get("/v1/categories/cats", headers={"If-None-Match": by_slug.headers["etag"]})
    assert known.status_code == 304


def test_an_unknown_category_is_not_found(client: TestClient, story: Story) -> None:
    for path in ("/v1/categories/birds", "/v1/categories/birds/assets"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.json()["type"].endswith("/problems/category-not-found")


def pages(client: TestClient, path: str | None) -> list[list[str]]:
    """Follow the tree to its end; give the paths of each page."""
    found = []
    while path is not None:
        answer = client.get(path)
        page = answer.raise_for_status().json()
        path = page["next"]
        assert answer.headers.get("link") == (path and f'<{path}>; rel="next"')
        found.append([one["path"] for one in page["items"]])
    return found


def test_a_large_tree_comes_page_by_page(client: TestClient, story: Story) -> None:
    story.tell(*(create_category(f"c{number}", parent="cats") for number in range(450)))
    story.tell(*(archive_category(f"c{number}") for number in range(10)))
    found = pages(client, "/v1/categories")
    assert [len(page) for page in found] == [200, 200, 43]
    assert list(chain(*found)) == sorted(chain(*found), key=lambda path: path.split("/"))
    assert pages(client, "/v1/categories?limit=200&include_archived=true")[2][-1] == "animals/dogs"
    assert client.get("/v1/categories?limit=201").status_code == 422


def test_what_changes_between_two_pages_repeats_and_hides_no_other(
    client: TestClient, tables: MemoryTables, story: Story
) -> None:
    first = client.get("/v1/categories?limit=2").json()
    assert [one["path"] for one in first["items"]] == ["animals", "animals/cats"]
    story.tell(
        create_category("zoo"),
        MoveCategory(
            metadata=metadata(ACME), category=CategoryRef("cats"), parent=CategoryRef("zoo")
        ),
        create_category("birds", parent="animals"),
    )
    tables.applied["categories", 0] = 1
    moved = client.get(
        first["next"],
        headers={
            "ScaleHoster-Position": position_to_header("category-events:0:0"),
            "Prefer": "wait=10",
        },
    )
    rest = moved.raise_for_status().json()
    assert [one["path"] for one in rest["items"]] == ["animals/dogs", "zoo"]
    assert pages(client, rest["next"]) == [["zoo/cats"]]


@pytest.mark.parametrize("other", ["?include_archived=true", "?as_of=2026-11-23T12:00:01Z"])
def test_a_cursor_of_the_tree_holds_for_its_own_query_and_tenant(
    client: TestClient, stranger: TestClient, story: Story, other: str
) -> None:
    following = client.get("/v1/categories?limit=1").json()["next"]
    cursor = following.partition("cursor=")[2]
    for refused in (
        client.get(f"/v1/categories{other}&cursor={cursor}"),
        stranger.get(following),
        client.get("/v1/categories?cursor=made-up"),
    ):
        assert refused.status_code == 400
        assert refused.json()["type"].endswith("/problems/cursor-refused")


def test_a_page_of_the_deepest_tree_is_bounded_and_its_cursor_is_taken_back(
    client: TestClient, story: Story
) -> None:
    slugs = [f"{number:02d}-{'x' * 61}" for number in range(32)]
    for parent, slug in pairwise([None, *slugs]):
        story.tell(create_category(str(slug), parent=parent))
    story.tell(*(create_category(f"z{number}", parent=slugs[30]) for number in range(300)))
    path: str | None = "/v1/categories?limit=200"
    count = 0
    while path is not None:
        answer = client.get(path)
        assert len(answer.raise_for_status().content) < 600_000
        count += len(answer.json()["items"])
        path = answer.json()["next"]
    assert count == 335


def test_a_path_is_bounded_whatever_the_rows_say() -> None:
    rows = [
        {"category_id": f"{n}", "slug": f"c{n}", "name": "n", "parent_id": f"{n - 1}" if n else ""}
        for n in range(2_000)
    ]
    rows.append({"category_id": "a", "slug": "a", "name": "n", "parent_id": "b"})
    rows.append({"category_id": "b", "slug": "b", "name": "n", "parent_id": "a"})
    tree = CategoryTree(rows)
    assert sum(len(tree.path(row)) for row in rows) < 2_002 * 32 * 6
    assert len(tree.walk()) == 2_002
