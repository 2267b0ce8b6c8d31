"""What operators are told; nobody else is."""

import json

import pytest
from starlette.testclient import TestClient

from tests.support.fakes.memory_tables import MemoryTables
from tests.support.samples import ACME, NOON
from tests.support.story import GLOBEX

ADMIN = {"Authorization": "Bearer acme-admin"}


@pytest.mark.parametrize("path", ["consistency", "rebuilds", "requests/r1"])
def test_only_an_operator_is_told(nobody: TestClient, path: str) -> None:
    assert nobody.get(f"/v1/admin/{path}").status_code == 401
    for key in ("acme-reads", "acme-writes"):
        answer = nobody.get(f"/v1/admin/{path}", headers={"Authorization": f"Bearer {key}"})
        assert (answer.status_code, answer.json()["missing_scope"]) == (403, "admin")


def test_the_last_check_is_told_with_the_rows_of_the_own_tenant(
    nobody: TestClient, tables: MemoryTables
) -> None:
    assert nobody.get("/v1/admin/consistency", headers=ADMIN).json() == {"items": []}
    tables.keep(
        "consistency_results",
        view_name="asset_by_id",
        generation=2,
        topic="asset-events",
        positions={0: 7, 1: 9},
        checked_at=NOON,
        row_count=11,
        difference_count=2,
        repaired_count=0,
        waiting_count=1,
        differences=json.dumps(
            [
                {
                    "table": "asset_by_id",
                    "kind": "differs",
                    "key": {"tenant_id": tenant_id, "asset_id": "a1"},
                    "columns": {"title": ("Tom", "x")},
                }
                for tenant_id in (ACME, GLOBEX)
            ]
        ),
    )
    (told,) = nobody.get("/v1/admin/consistency", headers=ADMIN).json()["items"]
    assert (told["is_equal"], told["positions"]) == (False, {"0": 7, "1": 9})
    assert (told["difference_count"], told["waiting_count"]) == (2, 1)
    assert told["differences"] == [
        {
            "table": "asset_by_id",
            "kind": "differs",
            "key": {"tenant_id": ACME, "asset_id": "a1"},
            "columns": {"title": {"by_log": "Tom", "found": "x"}},
        }
    ]


def test_generations_are_listed_with_how_far_they_are(
    nobody: TestClient, tables: MemoryTables
) -> None:
    for view in ("asset_by_id", "categories"):
        tables.keep(
            "generations",
            view_name=view,
            generation=2,
            revision=1,
            state="building",
            is_paused=False,
            processes=1,
            events_per_second=0,
            started_at=NOON,
        )
        tables.keep(
            "projection_state",
            view_name=view,
            generation=2,
            applied_offset=7,
            target=9,
            event_count=5,
        )
    (told,) = nobody.get("/v1/admin/rebuilds?view=categories", headers=ADMIN).json()["items"]
    assert (told["view"], told["generation"], told["state"]) == ("categories", 2, "building")
    assert (told["done"], told["target"], told["comparison"]) == (7, 9, None)
    assert len(nobody.get("/v1/admin/rebuilds", headers=ADMIN).json()["items"]) == 2


def test_what_became_of_a_request_is_told(nobody: TestClient, tables: MemoryTables) -> None:
    tables.keep(
        "operator_requests",
        request_id="r1",
        action="rebuild.switch",
        view_name="categories",
        arguments="{}",
        asked_at=NOON,
        state="refused",
        seen_at=None,
        detail="it was not compared",
        outcome=None,
    )
    told = nobody.get("/v1/admin/requests/r1", headers=ADMIN).json()
    assert (told["state"], told["detail"]) == ("refused", "it was not compared")
    assert nobody.get("/v1/admin/requests/r2", headers=ADMIN).status_code == 404
