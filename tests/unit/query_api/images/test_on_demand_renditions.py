"""Pictures that a URL describes: only signed ones, and served like any other."""

import pytest
from starlette.testclient import TestClient

from domain.asset.commands import DeleteAsset, DescribeAsset
from domain.values import FocalPoint, Sha256
from infra.errors import BlobNotFound, Overloaded, TransformationFailed
from infra.http.position_header import position_to_header
from query_api.images.on_demand import UrlSigner
from read_models.renditions.watermark import watermark, watermark_name
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.samples import metadata
from tests.support.story import Story, asset_id
from tests.unit.query_api.conftest import FREE, MemoryRenderer

WORDS = "w_80,h_60,fit_cover,f_webp,q_80"


@pytest.fixture
def asset(story: Story) -> str:
    return story.publish(1, "cats")


def signed(client: TestClient, asset: str, words: str = WORDS) -> str:
    answer = client.get(f"/v1/assets/{asset}/transformations/{words}")
    assert answer.status_code == 200, answer.text
    url = str(answer.json()["url"])
    assert url.startswith("https://img.example/i/")
    return url.removeprefix("https://img.example")


def test_a_signed_url_shows_what_it_describes(
    client: TestClient, nobody: TestClient, asset: str, renderer: MemoryRenderer
) -> None:
    url = signed(client, asset)
    answers = [nobody.get(url) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == renderer.made_of(WORDS)
    assert answers[0].headers["content-type"] == "image/webp"
    assert answers[0].headers["x-content-type-options"] == "nosniff"
    assert len(renderer.orders) == 1


def test_it_is_served_by_the_rules_of_every_picture(
    client: TestClient, nobody: TestClient, asset: str
) -> None:
    url = signed(client, asset)
    whole = nobody.get(url)
    tag = whole.headers["etag"]
    assert nobody.get(url, headers={"If-None-Match": tag}).status_code == 304
    part = nobody.get(url, headers={"Range": "bytes=1-2"})
    assert (part.status_code, part.content) == (206, whole.content[1:3])
    assert nobody.head(url).headers["content-length"] == str(len(whole.content))
    assert whole.headers["cache-control"] == "public, max-age=30, must-revalidate"
    forever = nobody.get(f"{url}&v={tag[1:17]}").headers["cache-control"]
    assert forever == "public, max-age=31536000, immutable"


def test_a_mark_lies_on_it_where_one_lies_on_what_is_published(
    client: TestClient, nobody: TestClient, asset: str, story: Story, renderer: MemoryRenderer
) -> None:
    yesterdays, todays = Sha256("d" * 64), watermark_name(watermark())
    proof = story.publish(2, "cats", watermark=yesterdays)
    for each in (asset, proof):
        assert nobody.get(signed(client, each)).status_code == 200
    assert nobody.get(f"/i/{proof}/{FREE}").status_code == 200, "signed or not"
    assert [order.watermark for order in renderer.orders] == [None, todays, todays]
    assert renderer.orders[0].original == renderer.orders[1].original, "the same bytes, kept apart"


def test_a_cut_is_made_at_the_picture_s_focal_point_unless_the_url_says_another(
    client: TestClient, nobody: TestClient, story: Story, renderer: MemoryRenderer
) -> None:
    asset = story.publish(2, "cats", focal_point=FocalPoint(x=0.3, y=1))
    cut, whole = "w_80,h_60,fit_cover,", "w_80,"
    rest = "f_webp,q_80"
    for said in ("", "g_centre,", "g_attention,", "g_fp_0_0,"):
        assert nobody.get(signed(client, asset, f"{cut}{said}{rest}")).status_code == 200
    assert nobody.get(signed(client, asset, f"{whole}{rest}")).status_code == 200
    assert [order.words for order in renderer.orders] == [
        f"{cut}g_fp_0.3_1,{rest}",
        f"{cut}{rest}",
        f"{cut}g_attention,{rest}",
        f"{cut}g_fp_0_0,{rest}",
        f"{whole}{rest}",
    ]


def test_a_focal_point_that_is_set_later_counts_for_urls_that_are_signed_already(
    client: TestClient,
    nobody: TestClient,
    asset: str,
    story: Story,
    renderer: MemoryRenderer,
    tables: MemoryTables,
) -> None:
    url = signed(client, asset)
    before = nobody.get(url).headers["etag"]
    patch = '{"focal_point": {"x": 0, "y": 0.5}}'
    story.tell(DescribeAsset(metadata=metadata(asset), patch=patch))
    position = {"ScaleHoster-Position": position_to_header("asset-events:3:41")}
    tables.applied["public_assets", 3] = 42
    assert client.get(url, headers=position).status_code == 503, "the point is not there yet"
    tables.applied["asset_by_id", 3] = 42
    assert client.get(url, headers=position).headers["etag"] != before
    assert [order.words for order in renderer.orders] == [
        WORDS,
        "w_80,h_60,fit_cover,g_fp_0_0.5,f_webp,q_80",
    ]


def test_words_in_any_order_are_signed_in_their_one_spelling(
    client: TestClient, asset: str
) -> None:
    assert signed(client, asset, "fit_cover,q_80,h_60,w_80") == signed(client, asset)


def test_nothing_is_made_for_a_url_that_nobody_signed(
    client: TestClient, nobody: TestClient, asset: str, story: Story, renderer: MemoryRenderer
) -> None:
    other = story.publish(2, "cats")
    path, _, signature = signed(client, asset).partition("?s=")
    for url in (
        path,
        f"{path}?s=",
        f"{path}?s={signature[:-1]}",
        f"{path}?s=ä",
        f"{path.replace('w_80', 'w_81')}?s={signature}",
        f"{path.replace(asset, other)}?s={signature}",
    ):
        answer = nobody.get(url)
        assert answer.status_code == 403
        assert answer.json()["type"].endswith("/problems/transformation-not-signed")
    assert renderer.orders == []


def test_what_the_operator_lists_needs_no_signature(nobody: TestClient, asset: str) -> None:
    assert nobody.get(f"/i/{asset}/{FREE}").status_code == 200


def test_an_older_secret_goes_on_being_accepted(nobody: TestClient, asset: str) -> None:
    url = UrlSigner(["yesterday"], ()).sign(asset_id(1), WORDS)
    assert nobody.get(f"/i/{asset}/{WORDS}?s={url}").status_code == 200
    forged = UrlSigner(["the day before"], ()).sign(asset_id(1), WORDS)
    assert nobody.get(f"/i/{asset}/{WORDS}?s={forged}").status_code == 403


def test_words_that_make_no_sense_are_refused_when_they_are_to_be_signed(
    client: TestClient, asset: str
) -> None:
    answer = client.get(f"/v1/assets/{asset}/transformations/w_99999")
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("/problems/transformation-unclear")


@pytest.mark.parametrize(
    ("failure", "status", "problem"),
    [
        (Overloaded("busy"), 503, "overloaded"),
        (TransformationFailed("100 were made already"), 422, "transformation-failed"),
        (BlobNotFound("the original is gone"), 404, "picture-not-found"),
    ],
)
def test_what_cannot_be_made_is_told(
    client: TestClient,
    nobody: TestClient,
    asset: str,
    renderer: MemoryRenderer,
    failure: Exception,
    status: int,
    problem: str,
) -> None:
    renderer.failure = failure
    answer = nobody.get(signed(client, asset))
    assert answer.status_code == status
    assert answer.json()["type"].endswith(f"/problems/{problem}")


def test_a_picture_that_was_taken_away_is_gone_in_every_size(
    client: TestClient, nobody: TestClient, asset: str, story: Story
) -> None:
    url = signed(client, asset)
    story.tell(DeleteAsset(metadata=metadata(asset)))
    assert nobody.get(url).status_code == 410
