"""Listings and assets as they stood at a moment of the past."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from domain.asset.commands import DeleteAsset, DescribeAsset, PurgeAsset, RestoreAsset
from domain.category.commands import MoveCategory, RenameCategory
from domain.values import CategoryRef, CategorySlug
from infra.http.position_header import position_to_header
from tests.support.fakes.memory_log import MemoryLogEnds
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.samples import ACME, archive_category, metadata, set_categories
from tests.support.story import Story, asset_id

HOUR = timedelta(hours=1)
CATS = "/v1/categories/cats/assets"


@pytest.fixture
def story(story: Story) -> Story:
    """Two cats, and nothing for an hour."""
    story.publish(1, "cats", title="Tom")
    story.publish(2, "cats", title="Kitty")
    story.now += HOUR
    return story


def now_over(story: Story) -> datetime:
    """Let this very moment be over before anything else happens."""
    moment = story.now
    story.now += timedelta(seconds=1)
    return moment


def at(path: str, moment: datetime, **more: object) -> str:
    return f"{path}?{urlencode({'as_of': moment.isoformat(), **more})}"


def titles(client: TestClient, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


def test_a_listing_is_shown_as_it_stood(client: TestClient, story: Story) -> None:
    before = now_over(story)
    story.tell(DescribeAsset(metadata=metadata(asset_id(1)), patch='{"title": "Thomas"}'))
    described = now_over(story)
    story.tell(set_categories(metadata(asset_id(1)), "dogs"))
    story.tell(DeleteAsset(metadata=metadata(asset_id(2))))
    deleted = now_over(story)
    story.tell(RestoreAsset(metadata=metadata(asset_id(2))))
    for path in ("/v1/assets", CATS):
        assert titles(client, at(path, before)) == ["Kitty", "Tom"]
        assert titles(client, at(path, described)) == ["Kitty", "Thomas"]
    assert titles(client, at(CATS, deleted)) == []
    assert titles(client, at("/v1/assets", deleted)) == ["Thomas"]
    assert titles(client, at("/v1/assets", story.now)) == ["Kitty", "Thomas"]
    assert titles(client, at(CATS, before, order="asc", limit=1)) == ["Tom"]


def test_the_very_moment_of_a_change_shows_the_change(client: TestClient, story: Story) -> None:
    changed = story.now
    story.tell(DeleteAsset(metadata=metadata(asset_id(2))))
    assert titles(client, at("/v1/assets", changed)) == ["Tom"]
    just_before = changed - timedelta(microseconds=1)
    assert titles(client, at("/v1/assets", just_before)) == ["Kitty", "Tom"]


def test_a_category_is_found_by_the_slug_it_had_and_named_as_it_was(
    client: TestClient, story: Story
) -> None:
    before = now_over(story)
    story.tell(
        RenameCategory(
            metadata=metadata(ACME),
            category=CategoryRef("cats"),
            name="Felines",
            slug=CategorySlug("felines"),
        )
    )
    item = client.get(at(CATS, before)).json()["items"][0]
    assert (item["categories"][0]["slug"], item["categories"][0]["name"]) == ("cats", "Cats")
    felines = "/v1/categories/felines/assets"
    assert client.get(at(felines, before)).status_code == 404
    assert client.get(at(CATS, story.now)).status_code == 404
    assert titles(client, at(felines, story.now)) == ["Kitty", "Tom"]


def test_descendants_are_those_of_then(client: TestClient, story: Story) -> None:
    before = now_over(story)
    cats = CategoryRef("cats")
    story.tell(MoveCategory(metadata=metadata(ACME), category=cats, parent=CategoryRef("dogs")))
    moved = now_over(story)
    story.tell(archive_category("cats"))
    for path, moment, shown in (
        ("animals", before, ["Kitty", "Tom"]),
        ("dogs", before, []),
        ("dogs", moved, ["Kitty", "Tom"]),
        ("dogs", story.now, []),
    ):
        deep = at(f"/v1/categories/{path}/assets", moment, include_descendants=True)
        assert titles(client, deep) == shown
    assert client.get(at(CATS, story.now)).status_code == 404


def test_the_tree_and_each_category_are_shown_as_they_stood(
    client: TestClient, tables: MemoryTables, story: Story
) -> None:
    before = now_over(story)
    present = client.get("/v1/categories").json()
    cats = CategoryRef("cats")
    story.tell(
        RenameCategory(
            metadata=metadata(ACME), category=cats, name="Felines", slug=CategorySlug("felines")
        ),
        MoveCategory(
            metadata=metadata(ACME), category=CategoryRef("felines"), parent=CategoryRef("dogs")
        ),
    )
    moved = now_over(story)
    story.tell(archive_category("felines"))

    def paths(moment: datetime, **more: object) -> list[str]:
        answer = client.get(at("/v1/categories", moment, **more))
        tree = answer.json()
        return [category["path"] for category in tree["items"]]

    assert client.get(at("/v1/categories", before)).json() == present
    assert paths(moved) == ["animals", "animals/dogs", "animals/dogs/felines"]
    assert paths(story.now) == ["animals", "animals/dogs"]
    assert paths(story.now, include_archived=True) == paths(moved)

    shown = client.get(at("/v1/categories/cats", before))
    then = shown.json()
    assert (then["name"], then["path"], then["is_archived"]) == ("Cats", "animals/cats", False)
    assert shown.headers["etag"] == f'"{then["version"]}"'
    assert client.get(at("/v1/categories/cats", moved)).status_code == 404
    renamed = client.get(at(f"/v1/categories/{then['category_id']}", moved)).json()
    assert renamed["name"] == "Felines"
    tables.applied["categories", 0] = 1
    fresh = {"ScaleHoster-Position": position_to_header("category-events:0:0")}
    now = client.get("/v1/categories/felines", headers=fresh).json()
    assert client.get(at("/v1/categories/felines", story.now)).json() == now


def test_the_tree_of_the_past_is_waited_for_and_kept_like_any_answer(
    client: TestClient, tables: MemoryTables, log: MemoryLogEnds, story: Story
) -> None:
    log.ends = {"category-events": {1: 7}}
    paths = ("/v1/categories", "/v1/categories/cats")
    for path in paths:
        assert client.get(at(path, story.now)).status_code == 503
    tables.applied["categories_as_of", 1] = 7
    patient = {"Prefer": "wait=10"}
    for path in paths:
        recent, settled = (
            client.get(at(path, each), headers=patient) for each in (story.now, story.now - HOUR)
        )
        assert recent.headers["cache-control"] == "private, no-cache"
        assert settled.headers["cache-control"] == "private, max-age=3600"


def test_before_the_first_event_there_was_nothing(client: TestClient, story: Story) -> None:
    long_ago = story.now - timedelta(days=3_650)
    assert titles(client, at("/v1/assets", long_ago)) == []
    assert client.get(at(CATS, long_ago)).status_code == 404
    assert client.get(at("/v1/categories", long_ago)).json() == {"items": [], "next": None}
    assert client.get(at("/v1/categories/cats", long_ago)).status_code == 404
    assert client.get(at(f"/v1/assets/{asset_id(1)}", long_ago)).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/v1/assets",
        CATS,
        f"/v1/assets/{asset_id(1)}",
        "/v1/categories",
        "/v1/categories/cats",
    ],
)
def test_what_is_still_to_come_is_refused(client: TestClient, story: Story, path: str) -> None:
    answer = client.get(at(path, story.now + timedelta(microseconds=1)))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "as_of"


def test_a_cursor_holds_for_its_own_moment_alone(client: TestClient, story: Story) -> None:
    moment = now_over(story)
    first = client.get(at("/v1/assets", moment, limit=1)).json()
    story.tell(DeleteAsset(metadata=metadata(asset_id(1))))
    assert titles(client, first["next"]) == ["Tom"]  # the page is what it was
    cursor = first["next"].partition("cursor=")[2]
    for other in (at("/v1/assets", moment - HOUR), "/v1/assets?limit=1"):
        assert client.get(f"{other}&cursor={cursor}").status_code == 400


def test_an_asset_is_shown_as_it_was(client: TestClient, story: Story) -> None:
    named = asset_id(1)
    before = now_over(story)
    story.tell(DescribeAsset(metadata=metadata(named), patch='{"title": "Thomas"}'))
    story.tell(DeleteAsset(metadata=metadata(named)))
    path = f"/v1/assets/{named}"
    now = client.get(path).json()
    assert client.get(at(path, story.now)).json() == now
    assert client.get(f"{path}?version=4").json() == now
    answer = client.get(at(path, before))
    then = answer.json()
    assert (then["status"], then["version"], then["title"]) == ("published", 2, "Tom")
    assert then["renditions"]
    assert answer.headers["etag"] == '"2"'
    assert client.get(f"{path}?version=2").json() == answer.json()
    submitted = client.get(f"{path}?version=1").json()
    assert (submitted["status"], submitted["public_url"]) == ("submitted", None)


def test_what_was_purged_has_no_past_any_more(client: TestClient, story: Story) -> None:
    before, named = now_over(story), asset_id(1)
    story.tell(set_categories(metadata(named), "dogs"))
    story.tell(DeleteAsset(metadata=metadata(named)), PurgeAsset(metadata=metadata(named)))
    assert titles(client, at("/v1/assets", before)) == ["Kitty"]
    assert titles(client, at(CATS, before)) == ["Kitty"]
    gone = client.get(at(f"/v1/assets/{named}", before))
    assert gone.status_code == 410
    assert "purged" in gone.json()["detail"]
    now = client.get(at(f"/v1/assets/{named}", story.now))
    assert (now.status_code, now.json()["status"]) == (200, "purged")


@pytest.mark.parametrize(
    ("asked", "parameter", "status"),
    [
        ("version=2&as_of=2026-01-01", "", 422),
        ("version=0", "version", 422),
        ("as_of=yesterday", "as_of", 422),
        ("at=2026-01-01", "at", 422),
        ("version=3", None, 404),
    ],
)
def test_a_past_that_makes_no_sense_is_refused(
    client: TestClient, story: Story, asked: str, parameter: str | None, status: int
) -> None:
    answer = client.get(f"/v1/assets/{asset_id(1)}?{asked}")
    assert answer.status_code == status
    if parameter is not None:
        assert answer.json()["errors"][0]["parameter"] == parameter


def test_what_the_views_do_not_know_yet_is_waited_for(
    client: TestClient, tables: MemoryTables, log: MemoryLogEnds, story: Story
) -> None:
    log.ends = {"asset-events": {0: 0, 3: 42}, "category-events": {1: 7}}
    tables.applied |= {("listings_as_of", 3): 42, ("categories_as_of", 1): 6}
    behind = client.get(at("/v1/assets", story.now))
    assert behind.status_code == 503
    assert behind.json()["type"].endswith("/problems/view-behind")
    tables.applied["categories_as_of", 1] = 7
    assert titles(client, at("/v1/assets", story.now)) == ["Kitty", "Tom"]
    log.ends["asset-events"][3] = 43
    assert client.get(at("/v1/assets", story.now)).status_code == 503
    assert client.get(at(f"/v1/assets/{asset_id(1)}", story.now)).status_code == 503


def test_what_is_long_past_is_asked_about_once_and_may_be_kept(
    client: TestClient, log: MemoryLogEnds, story: Story
) -> None:
    earlier = story.now
    story.now += HOUR
    settled = client.get(at("/v1/assets", earlier))
    assert settled.headers["cache-control"] == "private, max-age=3600"
    asked, log.is_away = log.asked, True
    assert client.get(at(CATS, earlier)).status_code == 200
    assert log.asked == asked
    recent = client.get(at("/v1/assets", story.now))
    assert (recent.status_code, recent.headers["retry-after"]) == (503, "1")
    log.is_away = False
    recent = client.get(at("/v1/assets", story.now))
    assert recent.headers["cache-control"] == "private, no-cache"
    story.now += HOUR
    log.is_away = True
    assert client.get(at("/v1/assets", earlier)).status_code == 503  # too long ago to be sure
