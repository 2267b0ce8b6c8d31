"""The journey of a picture, as a customer and a browser see it."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from uuid import uuid4

import pytest
from PIL import Image, ImageChops

from tests.support.eventually import eventually
from tests.support.installation import Customer, Installation
from tests.support.supplier import Supplier, picture

pytestmark = pytest.mark.timeout(180)


def pixels(customer: Customer, url: str) -> Image.Image:
    answer = customer.queries.get(url, headers={"Accept": "image/webp"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/webp"
    return Image.open(BytesIO(answer.content)).convert("RGB")


def test_a_picture_comes_back_as_a_public_url_and_is_listed(
    customer: Customer, supplier: Supplier
) -> None:
    asset_id = customer.submit(supplier.url("picture/1.jpg"), "cats", title="One")
    asset = customer.ended(asset_id)
    assert asset["status"] == "published"
    assert (asset["width"], asset["height"]) == (96, 64)
    assert [one["slug"] for one in asset["categories"]] == ["cats"]
    assert asset["source"]["url"] == supplier.url("picture/1.jpg")
    eventually(lambda: customer.by_category("cats") == [asset_id])
    eventually(lambda: customer.by_date() == [asset_id])
    seen = pixels(customer, asset["public_url"])
    assert seen.size == (96, 64)
    red, green, _ = seen.getpixel((48, 8))  # type: ignore[misc] # a pixel of an RGB picture
    assert red > 180 > green
    events = customer.queries.get(f"/v1/assets/{asset_id}/events").json()["items"]
    assert [event["name"] for event in events] == ["AssetSubmitted", "AssetPublished"]


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_photograph_stands_upright(
    customer: Customer, supplier: Supplier, orientation: int
) -> None:
    asset = customer.ended(customer.submit(supplier.url(f"turned/{orientation}.jpg"), "cats"))
    seen = pixels(customer, asset["public_url"])
    assert seen.size == (96, 64)
    red, green, _ = seen.getpixel((48, 8))  # type: ignore[misc] # a pixel of an RGB picture
    assert red > 180 > green


def test_a_size_that_nobody_thought_of_is_made_for_a_signed_url(
    customer: Customer, supplier: Supplier
) -> None:
    asset_id = customer.submit(supplier.url("picture/8.jpg"), "cats")
    customer.ended(asset_id)
    words = "w_20,h_40,fit_cover,f_webp"
    signed = customer.queries.get(f"/v1/assets/{asset_id}/transformations/{words}").json()
    assert pixels(customer, signed["url"]).size == (20, 40)
    again = customer.queries.get(signed["url"])
    assert again.headers["etag"] == customer.queries.head(signed["url"]).headers["etag"]
    assert customer.queries.get(signed["url"].replace("w_20", "w_21")).status_code == 403
    customer.commands.delete(f"/v1/assets/{asset_id}")
    eventually(lambda: customer.queries.get(signed["url"]).status_code == 410)


def test_what_is_made_on_demand_of_a_proof_is_marked(
    customer: Customer, supplier: Supplier
) -> None:
    plain, proof = (
        customer.submit(supplier.url("picture/9.jpg"), "cats", preset=preset)
        for preset in ("default", "proof")
    )
    assert [customer.ended(each)["watermark"] is None for each in (plain, proof)] == [True, False]
    seen = []
    for each in (plain, proof):
        signed = customer.queries.get(f"/v1/assets/{each}/transformations/w_90,f_webp").json()
        seen.append(pixels(customer, signed["url"]))
    differs = ImageChops.difference(*seen).convert("L").point(lambda n: 255 if n > 40 else 0)
    assert differs.getbbox(), "the same bytes, and the mark on one of them"


def test_a_focal_point_moves_what_is_cut_on_demand_at_once_and_what_a_preset_cuts_when_asked(
    customer: Customer, supplier: Supplier
) -> None:
    asset_id = customer.submit(supplier.url("picture/10.jpg"), "cats", preset="photo")
    asset = customer.ended(asset_id)
    words = "w_96,h_8,fit_cover,f_webp"
    signed = customer.queries.get(f"/v1/assets/{asset_id}/transformations/{words}").json()["url"]

    def red(url: str, row: int) -> int:
        picture = Image.open(BytesIO(customer.queries.get(url).content)).convert("RGB")
        return picture.getpixel((48, row))[0]  # type: ignore[index] # of an RGB picture

    for y, in_the_upper_half in ((0, True), (1, False)):
        said = {"focal_point": {"x": 0.5, "y": y}}
        answer = customer.commands.patch(f"/v1/assets/{asset_id}", json=said)
        assert answer.status_code == 200, answer.text
        eventually(lambda: (red(signed, 4) > 180) == in_the_upper_half)  # noqa: B023 - called here
    (card,) = (one["url"] for one in asset["renditions"] if one["name"] == "card")
    assert red(card, 20) > 180
    answer = customer.commands.post(f"/v1/assets/{asset_id}/reprocess")
    assert answer.status_code == 202, answer.text

    def cut_anew() -> bool:
        renditions = customer.asset(asset_id)["renditions"]
        (card,) = (one["url"] for one in renditions if one["name"] == "card")
        return red(card, 20) < 180

    eventually(cut_anew)


def test_an_uploaded_file_takes_the_same_path(customer: Customer) -> None:
    answer = customer.commands.post(
        "/v1/assets",
        files={"file": ("cat.jpg", picture(2), "image/jpeg")},
        data={"category": "cats", "title": "Uploaded"},
    )
    assert answer.status_code == 202, answer.text
    asset = customer.ended(answer.json()["asset_id"])
    assert asset["status"] == "published"
    assert asset["title"] == "Uploaded"
    assert asset["source"]["file_name"] == "cat.jpg"
    assert pixels(customer, asset["public_url"]).size == (96, 64)


def test_moving_deleting_and_restoring_show_in_both_listings(
    customer: Customer, supplier: Supplier
) -> None:
    customer.create_category("pets")
    asset_id = customer.submit(supplier.url("picture/3.jpg"), "cats")
    public_url = customer.ended(asset_id)["public_url"]

    def listings() -> tuple[list[str], list[str], list[str]]:
        return customer.by_category("cats"), customer.by_category("pets"), customer.by_date()

    moved = customer.commands.put(
        f"/v1/assets/{asset_id}/categories", json={"categories": ["pets"]}
    )
    assert moved.status_code == 200, moved.text
    eventually(lambda: listings() == ([], [asset_id], [asset_id]))
    assert customer.commands.delete(f"/v1/assets/{asset_id}").status_code == 200
    eventually(lambda: listings() == ([], [], []))
    eventually(lambda: customer.queries.get(public_url).status_code == 410)
    assert customer.commands.post(f"/v1/assets/{asset_id}/restore").status_code == 200
    eventually(lambda: listings() == ([], [asset_id], [asset_id]))
    eventually(lambda: customer.queries.get(public_url).status_code == 200)


def test_a_read_with_the_position_of_a_write_sees_it(
    customer: Customer, supplier: Supplier
) -> None:
    for number in range(10):
        answer = customer.commands.post(
            "/v1/assets",
            json={"download_url": supplier.url(f"picture/{number}.jpg"), "category": "cats"},
        )
        position = answer.headers["ScaleHoster-Position"]
        seen = customer.queries.get(
            f"/v1/assets/{answer.json()['asset_id']}",
            headers={"ScaleHoster-Position": position, "Prefer": "wait=20"},
        )
        assert seen.status_code == 200, seen.text


def test_one_key_posted_fifty_times_at_once_makes_one_asset(
    customer: Customer, supplier: Supplier
) -> None:
    body = {"download_url": supplier.url("picture/4.jpg"), "category": "cats"}
    key = str(uuid4())

    def post(_: int) -> tuple[int, str]:
        answer = customer.commands.post("/v1/assets", json=body, headers={"Idempotency-Key": key})
        return answer.status_code, answer.text

    with ThreadPoolExecutor(50) as pool:
        answers = set(pool.map(post, range(50)))
    assert len(answers) == 1
    ((status, _),) = answers
    assert status == 202
    eventually(lambda: len(customer.by_date()) == 1, within_seconds=30)
    other = customer.commands.post(
        "/v1/assets", json=body | {"title": "Other"}, headers={"Idempotency-Key": key}
    )
    assert other.status_code == 422
    assert other.json()["type"].endswith("/problems/idempotency-key-reused")


def test_a_stale_version_is_refused(customer: Customer, supplier: Supplier) -> None:
    asset_id = customer.submit(supplier.url("picture/5.jpg"), "cats")
    version = customer.ended(asset_id)["version"]
    path = f"/v1/assets/{asset_id}"
    match = {"If-Match": f'"{version}"'}
    first = customer.commands.patch(path, json={"title": "Mine"}, headers=match)
    assert first.status_code == 200, first.text
    second = customer.commands.patch(path, json={"title": "Yours"}, headers=match)
    assert second.status_code == 412
    assert second.json()["current_version"] == str(version + 1)
    eventually(lambda: customer.asset(asset_id)["title"] == "Mine")


def test_an_unknown_category_is_named_or_made(customer: Customer, supplier: Supplier) -> None:
    body = {"download_url": supplier.url("picture/6.jpg"), "categories": ["cats", "birds"]}
    refused = customer.commands.post("/v1/assets", json=body)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert "birds" in refused.json()["detail"]
    made = customer.commands.post("/v1/assets", json=body | {"create_missing_categories": True})
    assert made.status_code == 202, made.text
    eventually(
        lambda: customer.by_category("birds") == [made.json()["asset_id"]], within_seconds=30
    )


def test_another_tenant_sees_nothing(
    customer: Customer, stranger: Customer, supplier: Supplier
) -> None:
    asset_id = customer.submit(supplier.url("picture/8.jpg"), "cats")
    customer.ended(asset_id)
    for path in (f"/v1/assets/{asset_id}", f"/v1/assets/{asset_id}/events", "/v1/categories/cats"):
        theirs = stranger.queries.get(path)
        missing = stranger.queries.get(path.replace(asset_id, str(uuid4())).replace("cats", "dogs"))
        assert theirs.status_code == missing.status_code == 404
        assert theirs.json()["type"] == missing.json()["type"]
    assert stranger.by_date() == []
    stolen = stranger.commands.delete(f"/v1/assets/{asset_id}")
    assert stolen.status_code == 404
    assert customer.asset(asset_id)["status"] == "published"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("nothing.jpg", "http_status"),
        ("page.html", "not_an_image"),
        ("torn.jpg", "corrupt_image"),
        ("inside.jpg", "blocked_address"),
    ],
)
def test_a_source_that_lies_is_rejected_with_its_reason(
    customer: Customer, supplier: Supplier, path: str, code: str
) -> None:
    asset = customer.ended(customer.submit(supplier.url(path), "cats"))
    assert asset["status"] == "rejected"
    assert asset["failure"]["code"] == code
    assert asset["public_url"] is None
    assert customer.by_date() == []


def test_a_source_that_fails_twice_is_tried_again(customer: Customer, supplier: Supplier) -> None:
    asset = customer.ended(customer.submit(supplier.url("flaky/9.jpg"), "cats"))
    assert asset["status"] == "published"
    assert supplier.asked["/flaky/9.jpg"] == 3
    assert asset["failure"] is None
    events = customer.queries.get(f"/v1/assets/{asset['asset_id']}/events").json()["items"]
    delays = [each["event"] for each in events if each["name"] == "AssetDelayed"]
    assert [(each["code"], each["attempts"]) for each in delays] == [
        ("http_status", 1),
        ("http_status", 2),
    ]


def test_a_key_is_answered_alike_after_everything_was_restarted(
    customer: Customer, supplier: Supplier, installation: Installation
) -> None:
    body = {"download_url": supplier.url("picture/10.jpg"), "category": "cats"}
    headers = {"Idempotency-Key": "before and after"}
    before = customer.commands.post("/v1/assets", json=body, headers=headers)
    installation.down()
    installation.start()
    after = customer.commands.post("/v1/assets", json=body, headers=headers)
    assert (before.status_code, before.json()) == (after.status_code, after.json())
    assert before.headers["ScaleHoster-Position"] == after.headers["ScaleHoster-Position"]
    eventually(lambda: len(customer.by_date()) == 1, within_seconds=30)
