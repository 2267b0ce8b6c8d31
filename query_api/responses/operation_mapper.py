"""Rows about bulk operations → what clients read."""

from collections.abc import Sequence
from typing import Any

import msgspec

from domain.asset.changes import Change
from domain.bulk_operation.progress import CATEGORY_ITEM
from domain.bulk_operation.values import OperationState
from infra.cassandra.session import Row
from infra.http.problems import problem_kinds
from read_models.time import moment

JsonObject = dict[str, Any]


def operation_response(row: Row) -> JsonObject:
    """Show an operation and how it gets on."""
    link = f"/v1/operations/{row['operation_id']}"
    return {
        "operation_id": row["operation_id"],
        "kind": row["kind"],
        "state": row["state"],
        "reason": row["reason"] or None,
        "filter": msgspec.Raw(row["filter"].encode()),
        "instructions": msgspec.Raw(row["instructions"].encode()),
        "per_second": row["per_second"],
        "is_selected": row["is_selected"],
        "progress": _progress(row),
        "reverts": row["reverts"] or None,
        "reverted_by": row.get("reverted_by") or None,
        "actor": row["actor"],
        "started_at": moment(row["started_at_us"]),
        "updated_at": moment(row["updated_at_us"]),
        "ended_at": moment(row["ended_at_us"]) if row["ended_at_us"] else None,
        "links": {"self": link, "items": f"{link}/items"},
    }


def operation_item_response(row: Row, changed: Sequence[Change]) -> JsonObject:
    """Show what became of one item."""
    return {
        "place": row["place"],
        "asset_id": None if row["item"] == CATEGORY_ITEM else row["item"],
        "result": row["result"],
        "problem": _problem(row["code"]) if row["code"] else None,
        "detail": row["detail"] or None,
        "version": row["version"] or None,
        "changes": changed,
    }


def _progress(row: Row) -> JsonObject:
    done = row["changed"] + row["unchanged"] + row["conflicts"] + row["refused"]
    refused = msgspec.json.decode(row["refusals"], type=dict[str, int])
    left = row["total"] - done
    speed = row["per_minute"]
    is_counting_down = row["state"] == OperationState.RUNNING and row["is_selected"] and speed
    return {
        "total": row["total"],
        "done": done,
        "changed": row["changed"],
        "unchanged": row["unchanged"],
        "conflicts": row["conflicts"],
        "refused": {_problem(code): items for code, items in refused.items()},
        "assets_per_minute": speed,
        "eta_seconds": round(60 * left / speed) if is_counting_down else None,
    }


def _problem(code: str) -> str:
    """Name a refusal as its problem type does; one of a newer release as it is."""
    return next((name for name, kind in problem_kinds().items() if kind.__name__ == code), code)
