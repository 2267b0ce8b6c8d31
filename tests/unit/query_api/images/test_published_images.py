"""The public URLs: which bytes, under which headers."""

import pytest
from starlette.testclient import TestClient

from domain.asset.commands import DeleteAsset, PurgeAsset, RefreshAsset
from domain.values import Rendition
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.samples import metadata, publish
from tests.support.story import RENDITIONS, Story, asset_id

LARGE, MEDIUM, MEDIUM_JPEG, THUMB = RENDITIONS
BROWSER = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"


@pytest.fixture
def picture(story: Story) -> str:
    return f"/i/{story.publish(1, 'cats')}"


def etag(rendition: Rendition) -> str:
    return f'"{rendition.sha256}"'


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (BROWSER, LARGE),
        ("*/*", LARGE),
        ("", LARGE),
        ("image/jpeg", MEDIUM_JPEG),
        ("image/webp;q=0.2, image/jpeg;q=0.9", MEDIUM_JPEG),
        ("image/*, image/webp;q=0", MEDIUM_JPEG),
        ("text/html", LARGE),
        ("image/webp;q=broken", LARGE),
    ],
)
def test_the_best_form_for_the_client_is_served(
    nobody: TestClient, picture: str, accept: str, expected: Rendition
) -> None:
    answer = nobody.get(picture, headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == expected.media_type
    assert answer.headers["etag"] == etag(expected)
    assert answer.headers["vary"] == "Accept"
    assert len(answer.content) == expected.size_bytes


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("large.webp", LARGE),
        ("medium.jpg", MEDIUM_JPEG),
        ("medium.jpeg", MEDIUM_JPEG),
        ("medium.webp", MEDIUM),
        ("medium", MEDIUM),
        ("thumb", THUMB),
        (f"medium?v={'3' * 16}", MEDIUM_JPEG),
    ],
)
def test_one_rendition_is_served_by_name(
    nobody: TestClient, picture: str, file_name: str, expected: Rendition
) -> None:
    assert nobody.get(f"{picture}/{file_name}").headers["etag"] == etag(expected)


@pytest.mark.parametrize("file_name", ["huge.webp", "large.jpg", "large.exe", "large.", ".webp"])
def test_no_other_name_is_served(nobody: TestClient, picture: str, file_name: str) -> None:
    answer = nobody.get(f"{picture}/{file_name}")
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("/problems/picture-not-found")


def test_pictures_can_do_no_harm_in_a_browser(nobody: TestClient, picture: str) -> None:
    headers = nobody.get(picture).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["access-control-allow-origin"] == "*"


def test_only_urls_that_name_their_content_are_cached_for_ever(
    nobody: TestClient, picture: str
) -> None:
    def cached(query: str) -> str:
        return nobody.get(f"{picture}/thumb{query}").headers["cache-control"]

    assert cached(f"?v={'4' * 16}") == "public, max-age=31536000, immutable"
    for query in ("", "?v=", "?v=4", f"?v={'1' * 16}"):
        assert cached(query) == "public, max-age=30, must-revalidate"


def test_a_client_that_has_the_picture_gets_no_bytes(nobody: TestClient, picture: str) -> None:
    answer = nobody.get(picture, headers={"If-None-Match": etag(LARGE)})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == etag(LARGE)
    assert nobody.get(picture, headers={"If-None-Match": etag(THUMB)}).status_code == 200


def test_head_answers_like_get_without_reading_the_bytes(
    nobody: TestClient, picture: str, blobs: MemoryBlobStore
) -> None:
    blobs.blobs.clear()
    answer = nobody.head(picture)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(LARGE.size_bytes)
    assert answer.headers["content-type"] == LARGE.media_type


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=2040-", 2040, 2048),
        ("bytes=-8", 2040, 2048),
        ("bytes=0-99999", 0, 2048),
        ("bytes=-99999", 0, 2048),
    ],
)
def test_a_range_is_cut_out(
    nobody: TestClient, picture: str, asked: str, start: int, end: int
) -> None:
    whole = nobody.get(picture).content
    answer = nobody.get(picture, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == whole[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/2048"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=2048-", "bytes=-0", "bytes=99999-100000"])
def test_a_range_behind_the_end_is_refused(nobody: TestClient, picture: str, asked: str) -> None:
    answer = nobody.get(picture, headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */2048"


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=0-1,4-5"},
        {"Range": "lines=0-1"},
        {"Range": "bytes=5-3"},
        {"Range": "bytes=-"},
        {"Range": "bytes=" + "9" * 40 + "-"},
        {"Range": "bytes=0-9", "If-Range": etag(THUMB)},
    ],
)
def test_a_range_that_is_none_for_us_gets_the_whole(
    nobody: TestClient, picture: str, headers: dict[str, str]
) -> None:
    answer = nobody.get(picture, headers=headers)
    assert (answer.status_code, len(answer.content)) == (200, LARGE.size_bytes)


def test_a_range_of_the_bytes_that_the_client_began_with_is_served(
    nobody: TestClient, picture: str
) -> None:
    headers = {"Range": "bytes=0-9", "If-Range": etag(LARGE)}
    assert nobody.get(picture, headers=headers).status_code == 206


def test_a_picture_is_there_the_moment_it_is_published(nobody: TestClient, story: Story) -> None:
    named = story.submit(1, "cats")
    assert nobody.get(f"/i/{named}").status_code == 404
    story.publish(1, "cats")
    assert nobody.get(f"/i/{named}").status_code == 200


def test_a_rejected_picture_is_not_there(nobody: TestClient, story: Story) -> None:
    story.submit(1, "cats")
    assert nobody.get(f"/i/{story.reject(1)}").status_code == 404


@pytest.mark.parametrize("word", [asset_id(9), "nothing", "%2e%2e%2fi", "%00", "A" * 300])
def test_what_was_never_there_is_not_found(nobody: TestClient, story: Story, word: str) -> None:
    assert nobody.get(f"/i/{word}").status_code == 404


def test_a_deleted_and_a_purged_picture_are_gone(nobody: TestClient, story: Story) -> None:
    named = story.publish(1)
    story.tell(DeleteAsset(metadata=metadata(named)))
    answer = nobody.get(f"/i/{named}/large.webp")
    assert (answer.status_code, answer.json()["type"]) == (
        410,
        "https://api.example/problems/asset-gone",
    )
    story.tell(PurgeAsset(metadata=metadata(named)))
    assert nobody.get(f"/i/{named}").status_code == 410


def test_one_look_at_the_view_serves_many_requests(
    nobody: TestClient, picture: str, tables: MemoryTables
) -> None:
    for _ in range(20):
        nobody.get(picture).raise_for_status()
    assert tables.times_asked("public_assets") < 20


def test_a_replaced_picture_is_found_under_its_new_url_at_once(
    nobody: TestClient, story: Story, tables: MemoryTables
) -> None:
    named = story.publish(1)
    nobody.get(f"/i/{named}").raise_for_status()
    asked = tables.times_asked("public_assets")
    nobody.get(f"/i/{named}/thumb?v=feedfacefeedface").raise_for_status()
    assert tables.times_asked("public_assets") == asked + 1


def test_a_duplicate_that_was_not_wanted_twice_leads_to_the_picture_that_is_there(
    nobody: TestClient, story: Story
) -> None:
    there = story.publish(1, "cats")
    here = story.reject_duplicate(2, there, "cats", wish="return")
    for name in ("", "/thumb.webp", "/thumb"):
        answer = nobody.get(f"/i/{here}{name}", follow_redirects=False)
        assert answer.status_code == 307
        assert "immutable" not in answer.headers["cache-control"]
        followed = nobody.get(f"/i/{here}{name}")
        assert followed.status_code == 200
        assert followed.url.path == f"/i/{there}{name}"
    story.tell(DeleteAsset(metadata=metadata(here)))
    assert nobody.get(f"/i/{here}").status_code == 410


def test_a_duplicate_that_was_refused_leads_nowhere(nobody: TestClient, story: Story) -> None:
    there = story.publish(1, "cats")
    refused = story.reject_duplicate(2, there, "cats", wish="refuse")
    assert nobody.get(f"/i/{refused}", follow_redirects=False).status_code == 404


def test_what_is_published_after_all_leads_nowhere_else(nobody: TestClient, story: Story) -> None:
    there = story.publish(1, "cats")
    here = story.reject_duplicate(2, there, "cats", wish="return")
    story.tell(RefreshAsset(metadata=metadata(here), is_bulk=False), publish(metadata(here), run=2))
    assert nobody.head(f"/i/{here}", follow_redirects=False).status_code == 200
