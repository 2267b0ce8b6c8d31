"""What operators are told; nobody else is."""

from starlette.testclient import TestClient

from infra.consistency import ConsistencyResult, Difference
from tests.samples import ACME, NOON
from tests.unit.query_api.memory_queries import MemoryQueries
from tests.unit.query_api.story import GLOBEX

ADMIN = {"Authorization": "Bearer acme-admin"}


def test_only_an_operator_is_told(nobody: TestClient) -> None:
    assert nobody.get("/v1/admin/consistency").status_code == 401
    for key in ("acme-reads", "acme-writes"):
        answer = nobody.get("/v1/admin/consistency", headers={"Authorization": f"Bearer {key}"})
        assert (answer.status_code, answer.json()["missing_scope"]) == (403, "admin")


def test_the_last_check_is_told_with_the_rows_of_the_own_tenant(
    nobody: TestClient, queries: MemoryQueries
) -> None:
    assert nobody.get("/v1/admin/consistency", headers=ADMIN).json() == {"items": []}
    queries.results = [
        ConsistencyResult(
            view="asset_by_id",
            generation=2,
            topic="asset-events",
            positions={0: 7, 1: 9},
            checked_at=NOON,
            row_count=11,
            difference_count=2,
            repaired_count=0,
            waiting_count=1,
            differences=tuple(
                Difference(
                    table="asset_by_id",
                    kind="differs",
                    key={"tenant_id": tenant_id, "asset_id": "a1"},
                    columns={"title": ("Tom", "x")},
                )
                for tenant_id in (ACME, GLOBEX)
            ),
        )
    ]
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
