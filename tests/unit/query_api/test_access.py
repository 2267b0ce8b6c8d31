"""Who may read what: tenants are apart, and nothing but public URLs goes without a key."""

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from domain.bulk_operation import decide
from domain.category import EMPTY_CATALOGUE
from domain.outcomes import CommandAccepted
from domain.values import CommandId
from tests.support.bulk_operations import instructions, start
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.samples import ACME, NOON, category_id, metadata
from tests.support.story import Story, asset_id

GUARDED = (
    "/v1/assets",
    f"/v1/assets/{asset_id(1)}",
    f"/v1/assets/{asset_id(1)}/duplicates",
    f"/v1/assets/{asset_id(1)}/events",
    f"/v1/assets/{asset_id(1)}/transformations/w_80,f_webp,q_80",
    "/v1/categories",
    "/v1/categories/cats",
    "/v1/categories/cats/assets",
    f"/v1/categories/{category_id('cats')}/assets",
    "/v1/commands/c1",
    "/v1/operations",
    "/v1/operations/o1",
    "/v1/operations/o1/items",
    "/v1/events",
)
LISTS = ("/v1/assets", "/v1/categories", "/v1/operations")
FEED = "/v1/events"


@pytest.fixture(autouse=True)
def _things_of_acme(story: Story, tables: MemoryTables) -> None:
    story.publish(1, "cats", title="Tom")
    tables.apply(
        CommandAccepted(
            command_id=CommandId("c1"),
            tenant_id=ACME,
            entity_id=asset_id(1),
            decided_at=NOON,
            position=None,
            events=(),
            asset=None,
            category=None,
        ),
        *decide(start(instructions("delete"), about=metadata("o1")), {}, EMPTY_CATALOGUE, NOON),
    )


def test_every_route_of_a_tenant_is_in_this_list(app: FastAPI) -> None:
    documented = {
        path
        for path in app.openapi()["paths"]
        if path.startswith("/v1/") and not path.startswith("/v1/admin/")
    }
    shapes = {
        path.replace(asset_id(1), "{asset_id}")
        .replace("cats", "{category}")
        .replace(category_id("cats"), "{category}")
        .replace("c1", "{command_id}")
        .replace("o1", "{operation_id}")
        .replace("w_80,f_webp,q_80", "{transformation}")
        for path in GUARDED
    }
    assert documented == shapes


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("Basic YTpi", 401),
        ("Bearer nonsense", 401),
        ("Bearer acme-writes", 403),
        ("Bearer acme-reads", 200),
        ("Bearer too-early", 503),
    ],
)
def test_a_key_that_may_read_is_needed(
    nobody: TestClient, path: str, authorization: str | None, status: int
) -> None:
    headers = {"Prefer": "wait=0"}  # or a feed would not end
    if authorization:
        headers["Authorization"] = authorization
    assert nobody.get(path, headers=headers).status_code == status


@pytest.mark.parametrize("path", [path for path in GUARDED if path not in (*LISTS, FEED)])
def test_what_another_tenant_has_is_not_there(stranger: TestClient, path: str) -> None:
    theirs = stranger.get(path)
    absent = stranger.get(
        path.replace(asset_id(1), asset_id(7))
        .replace("cats", "nope")
        .replace(category_id("cats"), category_id("nope"))
        .replace("c1", "c7")
    )
    assert theirs.status_code == absent.status_code == 404
    for word in ("detail", "instance"):  # these name what was asked for, and the request
        assert theirs.json().pop(word)
    same = ("type", "title", "status")
    assert [theirs.json()[one] for one in same] == [absent.json()[one] for one in same]


@pytest.mark.parametrize("path", LISTS)
def test_lists_hold_nothing_of_another_tenant(stranger: TestClient, path: str) -> None:
    assert "Tom" not in stranger.get(path).text
    assert "cats" not in stranger.get(path).text


def test_a_tag_of_another_tenant_opens_nothing(stranger: TestClient) -> None:
    answer = stranger.get(f"/v1/assets/{asset_id(1)}", headers={"If-None-Match": "*"})
    assert answer.status_code == 404


def test_nothing_can_be_written(client: TestClient) -> None:
    for path in ("/v1/assets", f"/v1/assets/{asset_id(1)}", f"/i/{asset_id(1)}"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = client.request(method, path)
            assert answer.status_code == 405
            assert answer.headers["content-type"] == "application/problem+json"
