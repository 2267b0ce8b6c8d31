"""Pictures with the same bytes, and pictures that look almost the same."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from domain.asset.commands import DeleteAsset, PublishAsset, PurgeAsset, ReplaceSource, RestoreAsset
from domain.values import AssetId, Sha256
from query_api.duplicates import MAX_DISTANCE, hamming_distance
from read_models.similar_assets.projection import quarters_of
from tests.support.samples import DOG_PICTURE, FACTS, FETCH, ORIGINAL, metadata
from tests.support.story import GLOBEX, RENDITIONS, Story, asset_id

LOOK = int(FACTS.perceptual_hash, 16)


def published(named: AssetId, *, digit: str, flipped: int, run: int = 1) -> PublishAsset:
    """Tell of a picture with such bytes, and a look in which these bits are flipped."""
    return PublishAsset(
        metadata=metadata(named),
        run=run,
        original=replace(ORIGINAL, sha256=Sha256(digit * 64)),
        renditions=RENDITIONS,
        facts=replace(FACTS, perceptual_hash=f"{LOOK ^ flipped:016x}"),
        pipeline_version=1,
        watermark=None,
        fetch=FETCH,
    )


def publish(story: Story, number: int, *, digit: str = "a", flipped: int = 0) -> AssetId:
    """Take a picture in and publish it."""
    named = story.submit(number, "cats", title=f"Picture {number}")
    story.tell(published(named, digit=digit, flipped=flipped))
    return named


def duplicate_of(client: TestClient, number: int) -> str | None:
    named: str | None = client.get(f"/v1/assets/{asset_id(number)}").json()["duplicate_of"]
    return named


def duplicates(client: TestClient, number: int) -> tuple[list[str], list[tuple[str, int]]]:
    answer = client.get(f"/v1/assets/{asset_id(number)}/duplicates")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    exact = [one["title"] for one in found["exact"]]
    return exact, [(one["title"], one["distance"]) for one in found["near"]]


def test_the_oldest_published_one_with_the_same_bytes_is_named(
    client: TestClient, story: Story
) -> None:
    for number in (1, 2, 3):
        publish(story, number)
    publish(story, 4, digit="b", flipped=-1 & (2**64 - 1))
    assert [duplicate_of(client, number) for number in (1, 2, 3, 4)] == [
        *(None, asset_id(1), asset_id(1), None)
    ]
    assert duplicates(client, 2) == (["Picture 1", "Picture 3"], [])


def test_what_is_deleted_is_nobodys_original_until_it_comes_back(
    client: TestClient, story: Story
) -> None:
    first = publish(story, 1)
    publish(story, 2)
    story.tell(DeleteAsset(metadata=metadata(first)))
    assert duplicate_of(client, 2) is None
    assert duplicates(client, 2) == ([], [])
    assert duplicates(client, 1) == ([], [])
    story.tell(RestoreAsset(metadata=metadata(first)))
    assert duplicate_of(client, 2) == first
    story.tell(DeleteAsset(metadata=metadata(first)), PurgeAsset(metadata=metadata(first)))
    assert duplicate_of(client, 2) is None


def test_near_ones_come_nearest_first_and_no_farther_than_three_bits(
    client: TestClient, story: Story
) -> None:
    publish(story, 1)
    publish(story, 2, digit="b", flipped=0b111)
    publish(story, 3, digit="c", flipped=1 << 63)
    publish(story, 4, digit="d", flipped=0b1111)
    publish(story, 5, digit="a", flipped=0)
    assert duplicates(client, 1) == (["Picture 5"], [("Picture 3", 1), ("Picture 2", 3)])


def test_only_what_a_picture_looks_like_now_counts(client: TestClient, story: Story) -> None:
    publish(story, 1)
    named = publish(story, 2, digit="b", flipped=1)
    story.tell(DeleteAsset(metadata=metadata(named)), PurgeAsset(metadata=metadata(named)))
    assert duplicates(client, 1) == ([], [])


def test_another_tenants_pictures_are_not_told(
    client: TestClient, stranger: TestClient, story: Story
) -> None:
    publish(story, 1)
    story.publish(2, tenant_id=GLOBEX)
    assert duplicates(client, 1) == ([], [])
    assert stranger.get(f"/v1/assets/{asset_id(1)}/duplicates").status_code == 404


def test_what_is_not_published_has_no_duplicates(client: TestClient, story: Story) -> None:
    publish(story, 1)
    story.submit(2, "cats")
    assert duplicate_of(client, 2) is None
    assert duplicates(client, 2) == ([], [])
    assert client.get(f"/v1/assets/{asset_id(9)}/duplicates").status_code == 404


@given(st.integers(0, 2**64 - 1), st.sets(st.integers(0, 63), max_size=MAX_DISTANCE))
def test_three_bits_never_spoil_all_quarters(look: int, bits: set[int]) -> None:
    one = f"{look:016x}"
    other = f"{look ^ sum(1 << bit for bit in bits):016x}"
    assert hamming_distance(one, other) == len(bits)
    assert any(a == b for a, b in zip(quarters_of(one), quarters_of(other), strict=True))


def test_a_picture_that_was_replaced_is_no_duplicate_any_more(
    client: TestClient, story: Story
) -> None:
    publish(story, 1)
    named = publish(story, 2)
    story.tell(ReplaceSource(metadata=metadata(named), source=DOG_PICTURE))
    assert duplicate_of(client, 2) == asset_id(1)
    story.tell(published(named, digit="b", flipped=0b11111, run=2))
    assert duplicate_of(client, 2) is None
    assert duplicates(client, 1) == ([], [])
