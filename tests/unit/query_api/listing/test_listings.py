"""Listings by date and by category, page by page."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from domain.asset.commands import DeleteAsset
from domain.values import CategoryId
from query_api.parameters import (
    CategoryListingParameters,
    CategoryTreeParameters,
    ListingParameters,
)
from tests.support.samples import NOON, create_category, metadata, set_categories
from tests.support.story import GLOBEX, Story, asset_id

HEADERS = ("ScaleHoster-Position", "Prefer")
JUNE = datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)
AUGUST = datetime(2026, 8, 1, 12, tzinfo=UTC)


def read(client: TestClient, path: str | None) -> list[list[str]]:
    """Follow a listing to its end; give the ids of each page."""
    pages = []
    while path is not None:
        page = client.get(path).raise_for_status().json()
        pages.append([item["asset_id"] for item in page["items"]])
        path = page["next"]
    return pages


def ids(*numbers: int) -> list[str]:
    return [asset_id(number) for number in numbers]


@pytest.fixture
def pictures(story: Story) -> Story:
    """Three months of pictures: 1 in June, 2 and 3 in July, 4 in August; 3 is also a dog."""
    story.publish(1, "cats", at=JUNE, title="June")
    story.publish(2, "cats", at=JULY)
    story.publish(3, "cats", "dogs", at=JULY.replace(day=9))
    story.publish(4, "dogs", at=AUGUST)
    return story


def test_the_newest_come_first_page_by_page(client: TestClient, pictures: Story) -> None:
    assert read(client, "/v1/assets?limit=3") == [ids(4, 3, 2), ids(1)]
    assert read(client, "/v1/assets?limit=3&order=asc") == [ids(1, 2, 3), ids(4)]
    assert read(client, "/v1/categories/cats/assets?limit=1") == [ids(3), ids(2), ids(1)]
    assert read(client, "/v1/categories/dogs/assets?order=asc") == [ids(3, 4)]


def test_an_item_carries_what_a_gallery_needs(client: TestClient, pictures: Story) -> None:
    item = client.get("/v1/categories/cats/assets?order=asc&limit=1").json()["items"][0]
    assert item == {
        "asset_id": asset_id(1),
        "created_at": "2026-06-30T23:59:59Z",
        "title": "June",
        "alt_text": "On a mat",
        "media_type": "image/jpeg",
        "width": 2048,
        "height": 1536,
        "thumbhash": item["thumbhash"],
        "dominant_colour": "#102030",
        "public_url": f"https://img.example/i/{asset_id(1)}",
        "thumbnail_url": f"https://img.example/i/{asset_id(1)}/thumb?v={'4' * 16}",
        "categories": [
            {"category_id": item["categories"][0]["category_id"], "slug": "cats", "name": "Cats"}
        ],
    }


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ("from=2026-07-01", (4, 3, 2)),
        ("to=2026-07-01", (1,)),
        ("to=2026-07-01T00:00:00.000001Z", (1, 2)),
        ("from=2026-07-01&to=2026-07-02", (2,)),
        ("from=2026-07-09T02:00:00%2B02:00&to=2026-08-01T12:00:00Z", (3,)),
        ("from=2026-07-09T00:00:00.000001Z", (4,)),
        ("from=2026-08-01&to=2026-07-01", ()),
    ],
)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_from_is_in_and_to_is_out(
    client: TestClient, pictures: Story, asked: str, numbers: tuple[int, ...], order: str
) -> None:
    pages = read(client, f"/v1/assets?{asked}&order={order}&limit=1")
    assert sorted(chain(*pages)) == sorted(ids(*numbers))


def test_a_category_too_can_be_asked_for_a_time(client: TestClient, pictures: Story) -> None:
    since = "/v1/categories/cats/assets?from=2026-07-05"
    assert read(client, since) == [ids(3)]
    assert read(client, f"{since}&to=2026-07-08") == [[]]


def test_descendants_come_along_each_picture_once(client: TestClient, pictures: Story) -> None:
    assert read(client, "/v1/categories/animals/assets") == [[]]
    whole = "/v1/categories/animals/assets?include_descendants=true&limit=2"
    assert read(client, whole) == [ids(4, 3), ids(2, 1)]
    assert read(client, whole + "&order=asc") == [ids(1, 2), ids(3, 4)]


def test_what_is_deleted_or_moved_leaves_its_listing(client: TestClient, pictures: Story) -> None:
    pictures.tell(DeleteAsset(metadata=metadata(asset_id(2))))
    pictures.tell(set_categories(metadata(asset_id(1)), "dogs"))
    assert read(client, "/v1/categories/cats/assets") == [ids(3)]
    assert read(client, "/v1/categories/dogs/assets") == [ids(4, 3, 1)]
    assert read(client, "/v1/assets") == [ids(4, 3, 1)]


def test_the_next_page_is_also_a_link(client: TestClient, pictures: Story) -> None:
    answer = client.get("/v1/assets?limit=1&from=2026-01-01")
    following = answer.json()["next"]
    assert answer.headers["link"] == f'<{following}>; rel="next"'
    assert parse_qs(urlsplit(following).query).keys() == {"limit", "from", "cursor"}
    assert "link" not in client.get("/v1/assets").headers


def test_the_page_size_may_change_on_the_way(client: TestClient, pictures: Story) -> None:
    following = client.get("/v1/assets?limit=1").json()["next"]
    assert read(client, following.replace("limit=1", "limit=200")) == [ids(3, 2, 1)]


def cursor_of(client: TestClient, path: str) -> str:
    following: str = client.get(path).json()["next"]
    return parse_qs(urlsplit(following).query)["cursor"][0]


CHANGED = {
    "from": "from=2026-01-01",
    "to": "to=2027-01-01",
    "as_of": f"as_of={NOON + timedelta(days=1):%Y-%m-%d}",
    "order": "order=asc",
    "include_descendants": "include_descendants=true",
    "include_archived": "include_archived=true",
}
"""Each parameter that decides what comes, with a value other than its default."""


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/v1/assets", ListingParameters),
        ("/v1/categories/cats/assets", CategoryListingParameters),
        ("/v1/categories", CategoryTreeParameters),
    ],
)
def test_a_cursor_is_bound_to_every_parameter_that_decides_what_comes(
    client: TestClient, pictures: Story, path: str, parameters: type[BaseModel]
) -> None:
    pictures.now = NOON + timedelta(days=2)
    cursor = cursor_of(client, f"{path}?limit=1")
    fields = parameters.model_fields.items()
    for name in {field.alias or name for name, field in fields} - {"limit", "cursor"}:
        answer = client.get(f"{path}?{CHANGED[name]}&cursor={cursor}")
        assert answer.status_code == 400, name
        assert answer.json()["type"].endswith("/problems/cursor-refused")


def test_a_cursor_holds_for_its_own_listing_alone(client: TestClient, pictures: Story) -> None:
    cursor = cursor_of(client, "/v1/assets?limit=1")
    for other in ("cats", "animals"):
        answer = client.get(f"/v1/categories/{other}/assets?cursor={cursor}")
        assert answer.json()["type"].endswith("/problems/cursor-refused")


def test_a_cursor_holds_for_its_own_tenant_alone(
    client: TestClient, stranger: TestClient, pictures: Story
) -> None:
    pictures.publish(10, tenant_id=GLOBEX)
    cursor = cursor_of(client, "/v1/assets?limit=1")
    assert stranger.get(f"/v1/assets?limit=1&cursor={cursor}").status_code == 400


def test_a_cursor_outlives_the_slug_of_its_category(client: TestClient, pictures: Story) -> None:
    cursor = cursor_of(client, "/v1/categories/cats/assets?limit=1")
    category = client.get("/v1/categories/cats").json()["category_id"]
    assert read(client, f"/v1/categories/{category}/assets?cursor={cursor}") == [ids(2, 1)]


@pytest.mark.parametrize(
    "asked",
    ["limit=0", "limit=201", "limit=x", "order=up", "from=yesterday", "from=1", "form=2026-01-01"],
)
def test_what_makes_no_sense_is_named(client: TestClient, asked: str) -> None:
    answer = client.get(f"/v1/assets?{asked}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == asked.partition("=")[0]


def test_every_parameter_is_described(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]
    for path, more in (
        ("/v1/assets", set[str]()),
        ("/v1/categories/{category}/assets", {"include_descendants", "category"}),
    ):
        names = {one["name"] for one in described[path]["get"]["parameters"]}
        listing = {"from", "to", "order", "limit", "cursor", "as_of", *HEADERS}
        assert names == listing | more


@pytest.fixture
def pages_shared_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let requests share a page however slow this machine is."""
    monkeypatch.setattr("query_api.listing.asset_pages._SHARED_SECONDS", 3_600.0)


@pytest.mark.parametrize("path", ["/v1/assets", "/v1/categories/cats/assets"])
def test_two_tenants_that_ask_for_one_url_share_no_page(
    pages_shared_for_long: None,
    client: TestClient,
    stranger: TestClient,
    pictures: Story,
    path: str,
) -> None:
    theirs = metadata(GLOBEX, tenant_id=GLOBEX)
    pictures.tell(replace(create_category("cats", about=theirs), category_id=CategoryId("theirs")))
    pictures.publish(10, "cats", tenant_id=GLOBEX)
    ours = read(client, path)
    assert read(stranger, path) == [ids(10)]
    assert read(client, path) == ours != [ids(10)]
