"""Bulk operations and their items in responses."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from pydantic import Field
from typing_extensions import TypedDict

from domain.bulk_operation.progress import CATEGORY_ITEM
from domain.bulk_operation.values import ItemResult, OperationKind, OperationState
from infra.cassandra.session import Row
from infra.http.problems import problem_name
from query_api.responses.asset_history import ChangeAnswer
from query_api.responses.json_response import raw_json
from read_models.time import moment


class ProgressAnswer(TypedDict, closed=True):
    """How many assets an operation has dealt with; `refused` counts them by reason."""

    total: int
    done: int
    changed: int
    unchanged: int
    conflicts: int
    refused: dict[str, int]
    assets_per_minute: int
    eta_seconds: int | None


class OperationAnswer(TypedDict, closed=True):
    """A bulk operation; `total` grows until `is_selected`."""

    operation_id: str
    kind: OperationKind
    state: OperationState
    reason: Annotated[str | None, Field(description="Why it failed or was cancelled.")]
    filter: dict[str, Any]
    instructions: dict[str, Any]
    per_second: int
    is_selected: Annotated[bool, Field(description="Whether all assets it is about are known.")]
    progress: ProgressAnswer
    reverts: str | None
    reverted_by: str | None
    actor: str
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    links: dict[str, str]


class OperationsAnswer(TypedDict, closed=True):
    """A tenant's bulk operations, the newest first."""

    items: list[OperationAnswer]


class OperationItemAnswer(TypedDict, closed=True):
    """What became of one asset, or of the category that a merge or split is about (null)."""

    place: int
    asset_id: str | None
    result: ItemResult
    problem: Annotated[str | None, Field(examples=["asset-is-deleted"])]
    detail: str | None
    version: int | None
    changes: list[ChangeAnswer]


class OperationItemsAnswer(TypedDict, closed=True):
    """A page of an operation's items, in the order they were dealt with."""

    items: list[OperationItemAnswer]
    next: str | None


def operation_answer(row: Row) -> OperationAnswer:
    """Show an operation and how it gets on."""
    link = f"/v1/operations/{row['operation_id']}"
    return {
        "operation_id": row["operation_id"],
        "kind": row["kind"],
        "state": row["state"],
        "reason": row["reason"] or None,
        "filter": raw_json(row["filter"]),
        "instructions": raw_json(row["instructions"]),
        "per_second": row["per_second"],
        "is_selected": row["is_selected"],
        "progress": _progress(row),
        "reverts": row["reverts"] or None,
        "reverted_by": row["reverted_by"] or None,
        "actor": row["actor"],
        "started_at": moment(row["started_at_us"]),
        "updated_at": moment(row["updated_at_us"]),
        "ended_at": moment(row["ended_at_us"]) if row["ended_at_us"] else None,
        "links": {"self": link, "items": f"{link}/items"},
    }


def operation_item_answer(row: Row, changes: list[ChangeAnswer]) -> OperationItemAnswer:
    """Show what became of one item."""
    return {
        "place": row["place"],
        "asset_id": None if row["item"] == CATEGORY_ITEM else row["item"],
        "result": row["result"],
        "problem": problem_name(row["code"]) if row["code"] else None,
        "detail": row["detail"] or None,
        "version": row["version"] or None,
        "changes": changes,
    }


def _progress(row: Row) -> ProgressAnswer:
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
        "refused": {problem_name(code): items for code, items in refused.items()},
        "assets_per_minute": speed,
        "eta_seconds": round(60 * left / speed) if is_counting_down else None,
    }
