"""Wishes for many assets at once: what is taken, what is refused, what a dry run shows."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient

from command_api.app import CommandApiParts, create_app
from command_api.operation_previews import OperationPreviews
from command_api.requests.bulk_operation_bodies import OPERATION_BODIES
from domain.bulk_operation.commands import StartOperation
from domain.bulk_operation.selection import Candidate
from domain.bulk_operation.values import OperationKind
from domain.category import EMPTY_CATALOGUE, Catalogue, decide, evolve
from domain.values import AssetId, CategoryId, Status, TenantId
from read_models.assets_by_shard.queries import AssetScan
from read_models.view_reader import ViewReader
from tests.support.bulk_operations import instructions, start
from tests.support.fakes.fake_decider import FakeDecider
from tests.support.fakes.memory_asset_scan import MemoryWalk
from tests.support.fakes.memory_cql import MemoryCql
from tests.support.samples import NOON, category_id, create_category
from tests.unit.command_api.conftest import SETTINGS

TAG: dict[str, Any] = {"kind": "tag", "filter": {"category": "cats"}, "tags": ["new"]}
OTHER = TenantId("other")
CATS = CategoryId(category_id("cats"))


def candidate(number: int, **more: object) -> Candidate:
    known: dict[str, Any] = {
        "status": Status.PUBLISHED,
        "category_ids": (CATS,),
        "tags": (),
        "created_at": NOON,
        "pipeline_version": 1,
        "original_bytes": 1_000,
        "has_url": True,
    }
    asset_id = AssetId(f"0190b6f0-0000-7000-8000-{number:012d}")
    return Candidate(asset_id=asset_id, **{**known, **more})


@pytest.fixture
def looking(client: TestClient, parts: CommandApiParts) -> Iterator[TestClient]:
    """Speaks to a command API that finds three assets in cats, one of them tagged already."""
    scan = MemoryWalk(
        [candidate(1), candidate(2), candidate(3, tags=("new",)), candidate(4, category_ids=())],
        evolve(EMPTY_CATALOGUE, *decide(create_category("cats"), EMPTY_CATALOGUE, NOON)),
    )
    app, _ = create_app(SETTINGS, replace(parts, open_preview_assets=lambda: scan))
    with TestClient(app, headers=dict(client.headers)) as client_of_its_own:
        yield client_of_its_own


def test_there_is_a_body_for_every_kind() -> None:
    assert set(OPERATION_BODIES) == set(get_args(OperationKind))


def test_an_operation_is_begun_once_under_its_key(client: TestClient, decider: FakeDecider) -> None:
    key = {"idempotency-key": "tidy up"}
    first = client.post("/v1/operations", json=TAG, headers=key)
    assert first.status_code == 202
    operation_id = first.json()["operation_id"]
    assert first.headers["location"] == f"https://query.example/v1/operations/{operation_id}"
    assert first.json()["state"] == "running"
    assert client.post("/v1/operations", json=TAG, headers=key).json() == first.json()
    other = client.post("/v1/operations", json=TAG | {"tags": ["old"]}, headers=key)
    assert other.status_code == 422
    assert other.json()["type"].endswith("/idempotency-key-reused")
    sent = [each for each in decider.sent if isinstance(each, StartOperation)]
    assert {each.metadata.entity_id for each in sent} == {operation_id}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"filter": {"all": True}}, "#/kind"),
        ({"kind": "explode", "filter": {"all": True}}, "#/kind"),
        ({"kind": "delete"}, "#/filter"),
        ({"kind": "delete", "filter": {}}, "#/filter"),
        ({"kind": "delete", "filter": {"all": False}}, "#/filter/all"),
        ({"kind": "delete", "filter": {"all": True, "category": "cats"}}, "#/filter"),
        ({"kind": "delete", "filter": {"asset_ids": ["x"]}}, "#/filter/asset_ids/0"),
        ({"kind": "delete", "filter": {"from": "yesterday"}}, "#/filter/from"),
        ({"kind": "delete", "filter": {"status": "purged"}}, "#/filter/status"),
        ({"kind": "delete", "filter": {"all": True}, "tags": ["x"]}, "#/tags"),
        ({"kind": "delete", "filter": {"all": True}, "per_second": 0}, "#/per_second"),
        ({"kind": "tag", "filter": {"all": True}}, "#/tags"),
        ({"kind": "tag", "filter": {"all": True}, "tags": []}, "#/tags"),
        ({"kind": "recategorise", "filter": {"all": True}}, "#"),
        ({"kind": "move", "filter": {"all": True}, "into": "cats"}, "#/filter/category"),
        ({"kind": "move", "filter": {"category": "cats"}}, "#/into"),
        (
            {"kind": "merge_categories", "filter": {"category": "a", "tags": ["x"]}, "into": "b"},
            "#/filter/tags",
        ),
        ({"kind": "split_category", "filter": {"category": "cats"}}, "#/new_category"),
        ({"kind": "reprocess", "filter": {"all": True}, "preset": "none"}, "#/preset"),
    ],
)
def test_what_is_wrong_is_named(client: TestClient, body: dict[str, Any], pointer: str) -> None:
    response = client.post("/v1/operations", json=body)
    assert response.status_code == 422, response.text
    assert pointer in [error["pointer"] for error in response.json()["errors"]]


def test_a_category_that_is_not_there_is_refused_at_once(client: TestClient) -> None:
    body = TAG | {"filter": {"category": "dogs"}}
    response = client.post("/v1/operations", json=body)
    assert response.status_code == 422
    assert response.json()["categories"] == "dogs"


def test_a_dry_run_shows_what_would_change_and_leaves_no_trace(
    looking: TestClient, decider: FakeDecider
) -> None:
    known = len(decider.sent)
    response = looking.post("/v1/operations", json=TAG | {"dry_run": True, "per_second": 1})
    assert response.status_code == 200, response.text
    preview = response.json()
    assert (preview["matched"], preview["count"], preview["seconds_at_rate"]) == (3, 2, 3)
    assert preview["original_bytes"] == 2_000
    assert preview["items"][0] == {
        "asset_id": candidate(1).asset_id,
        "field": "tags",
        "before": [],
        "after": ["new"],
    }
    assert len(decider.sent) == known


def test_a_dry_run_says_the_same_of_assets_by_their_state_and_by_name(
    client: TestClient, parts: CommandApiParts
) -> None:
    rejected = [candidate(n, status=Status.REJECTED, original_bytes=0) for n in range(7)]
    scan = MemoryWalk([*rejected, candidate(8)])
    app, _ = create_app(SETTINGS, replace(parts, open_preview_assets=lambda: scan))
    body = {"kind": "reprocess", "dry_run": True}
    with TestClient(app, headers=dict(client.headers)) as looking:
        by_state, by_name, alone = (
            looking.post("/v1/operations", json=body | {"filter": which}).json()
            for which in (
                {"status": "rejected"},
                {"asset_ids": [each.asset_id for each in rejected]},
                {"asset_ids": [rejected[0].asset_id]},
            )
        )
    assert by_state == by_name
    assert (by_state["matched"], by_state["count"]) == (7, 0)
    assert by_state["refused"] == {"asset-has-no-original": 7}
    assert (alone["matched"], alone["refused"]) == (1, {"asset-has-no-original": 1})


def test_a_dry_run_names_categories_by_their_slugs(looking: TestClient) -> None:
    body = {
        "kind": "split_category",
        "filter": {"category": "cats", "tags": ["new"]},
        "new_category": {"name": "Kittens"},
        "dry_run": True,
    }
    (item,) = looking.post("/v1/operations", json=body).json()["items"]
    assert (item["before"], item["after"]) == (["cats"], ["kittens"])


def test_a_dry_run_over_a_view_that_is_being_built_says_to_come_back(
    client: TestClient, parts: CommandApiParts
) -> None:
    views = ViewReader(MemoryCql(checkpoints=[(5, 2)]))
    app, _ = create_app(SETTINGS, replace(parts, open_preview_assets=lambda: AssetScan(views)))
    with TestClient(app, headers=dict(client.headers)) as looking:
        response = looking.post("/v1/operations", json=TAG | {"dry_run": True})
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["type"].endswith("/problems/view-not-built")
    assert response.json()["detail"].endswith("3 offsets are missing")


def test_a_dry_run_with_a_category_that_is_not_there_is_refused(looking: TestClient) -> None:
    body = TAG | {"filter": {"category": "dogs"}, "dry_run": True}
    assert looking.post("/v1/operations", json=body).status_code == 422


def test_an_operation_is_steered(client: TestClient) -> None:
    operation_id = client.post("/v1/operations", json=TAG).json()["operation_id"]
    at = f"/v1/operations/{operation_id}"
    assert client.post(f"{at}/pause").json()["state"] == "paused"
    assert client.post(f"{at}/resume").json()["state"] == "running"
    assert client.post(f"{at}/throttle", json={"per_second": 5}).status_code == 200
    assert client.post(f"{at}/throttle", json={"per_second": -5}).status_code == 422
    early = client.post(f"{at}/revert")
    assert (early.status_code, early.json()["type"].rpartition("/")[2]) == (
        409,
        "operation-is-under-way",
    )
    assert client.post(f"{at}/cancel").json()["state"] == "cancelled"
    late = client.post(f"{at}/pause")
    assert (late.status_code, late.json()["type"].rpartition("/")[2]) == (
        409,
        "operation-has-ended",
    )
    back = client.post(f"{at}/revert", json={"per_second": 3})
    assert back.status_code == 202
    assert back.json()["operation_id"] != operation_id


def test_an_operation_nobody_began_is_not_found(client: TestClient) -> None:
    for name in ("0190b6f0-0000-7000-8000-000000000001", "nonsense"):
        assert client.post(f"/v1/operations/{name}/cancel").status_code == 404


class StandingWalk(MemoryWalk):
    """Stands still for one tenant."""

    def __init__(self) -> None:
        super().__init__()
        self.standing = 0

    async def catalogue(self, tenant_id: TenantId) -> Catalogue:
        if tenant_id == OTHER:
            self.standing += 1
            await asyncio.Event().wait()
        return EMPTY_CATALOGUE


def test_dry_runs_of_one_tenant_leave_room_for_those_of_another() -> None:
    async def story() -> tuple[int, int]:
        scan = StandingWalk()
        previews = OperationPreviews(lambda: scan)
        ours = start(instructions("delete"))
        theirs = replace(ours, metadata=replace(ours.metadata, tenant_id=OTHER))
        under_way = [asyncio.create_task(previews.preview(theirs)) for _ in range(50)]
        async with asyncio.timeout(10):
            while not scan.standing:  # noqa: ASYNC110 - the first has to be opened in a thread
                await asyncio.sleep(0)
        matched = (await previews.preview(ours)).matched
        for each in under_way:
            each.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        return scan.standing, matched

    assert asyncio.run(story()) == (4, 0)
