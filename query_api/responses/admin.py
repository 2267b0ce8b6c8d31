"""What operators see in responses: comparisons with the log, generations, maintenance tasks."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import Field
from typing_extensions import TypedDict

from domain.values import TenantId
from infra.cassandra.generations import GenerationComparison
from read_models.consistency_results import ConsistencyResult, ViewDifference
from read_models.generation_status import GenerationStatus
from read_models.maintenance_tasks import MaintenanceTask

DifferenceKind = Literal["missing", "extra", "differs"]
ShownState = Literal["planned", "building", "following", "failed", "cancelled"]  # not "dropped"
Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""A moment that these answers write with an offset, ``+00:00``."""


class ColumnDifference(TypedDict, closed=True):
    """A column of a row as the log says and as the view has it."""

    by_log: Any
    found: Any


class RowDifference(TypedDict, closed=True):
    """A row of a view that is not as the log says."""

    table: str
    kind: DifferenceKind
    key: Mapping[str, Any]
    columns: dict[str, ColumnDifference]


class ViewConsistency(TypedDict, closed=True):
    """What the last comparison of a view with the log came to."""

    view: Annotated[str, Field(examples=["assets_by_category"])]
    generation: int
    is_equal: Annotated[
        bool, Field(description="Whether every row was as the log says, up to positions.")
    ]
    checked_at: Timestamp
    topic: Annotated[str, Field(examples=["asset-events"])]
    positions: Annotated[
        dict[str, int], Field(description="By partition, the first offset not compared.")
    ]
    row_count: int
    difference_count: int
    repaired_count: Annotated[int, Field(description="Rows that this run put right.")]
    waiting_count: Annotated[
        int, Field(description="Entities behind a record that the view cannot take.")
    ]
    differences: Annotated[
        list[RowDifference], Field(description="The first ones; your tenant's only.")
    ]


class ConsistencyAnswer(TypedDict, closed=True):
    """The views that were ever compared with the log."""

    items: list[ViewConsistency]


class ComparisonAnswer(TypedDict, closed=True):
    """How a generation compared with another."""

    compared_at: Timestamp
    compared_with: int
    row_count: int
    difference_count: int


class GenerationAnswer(TypedDict, closed=True):
    """One set of a view's tables, and how far it is built."""

    view: Annotated[str, Field(examples=["assets_by_date"])]
    generation: int
    revision: int
    state: ShownState
    is_read: bool
    is_paused: bool
    processes: int
    events_per_second: Annotated[int, Field(description="0 for no limit.")]
    reason: str
    started_at: Timestamp
    seen_at: Annotated[Timestamp | None, Field(description="When its builder was last heard of.")]
    done: Annotated[int, Field(description="Offsets that are applied, of those at the start.")]
    target: int
    events: int
    offsets_per_second: float
    comparison: ComparisonAnswer | None


class GenerationsAnswer(TypedDict, closed=True):
    """Generations by view and number."""

    items: list[GenerationAnswer]


class RequestAnswer(TypedDict, closed=True):
    """An operation that was asked for, and what came of it."""

    request_id: str
    action: Annotated[str, Field(examples=["rebuild.start"])]
    view: str
    arguments: Mapping[str, Any]
    asked_at: Timestamp
    state: Literal["asked", "running", "done", "refused", "failed"]
    detail: Annotated[str, Field(description="Why it was refused, or what went wrong.")]
    outcome: Any


def generation_answer(status: GenerationStatus) -> GenerationAnswer:
    """Show a generation of a view."""
    generation = status.generation
    comparison = generation.comparison
    return {
        "view": generation.view,
        "generation": generation.number,
        "revision": generation.revision,
        "state": cast("ShownState", generation.state),
        "is_read": status.is_read,
        "is_paused": generation.is_paused,
        "processes": generation.processes,
        "events_per_second": generation.events_per_second,
        "reason": generation.reason,
        "started_at": generation.started_at.isoformat(),
        "seen_at": generation.seen_at.isoformat() if generation.seen_at else None,
        "done": status.done,
        "target": status.target,
        "events": status.events,
        "offsets_per_second": generation.offsets_per_second,
        "comparison": _comparison(comparison) if comparison else None,
    }


def _comparison(comparison: GenerationComparison) -> ComparisonAnswer:
    return {
        "compared_at": comparison.compared_at.isoformat(),
        "compared_with": comparison.compared_with,
        "row_count": comparison.row_count,
        "difference_count": comparison.difference_count,
    }


def task_answer(task: MaintenanceTask) -> RequestAnswer:
    """Show a maintenance task."""
    return {
        "request_id": task.request_id,
        "action": task.action,
        "view": task.view,
        "arguments": task.arguments,
        "asked_at": task.asked_at.isoformat(),
        "state": task.state,
        "detail": task.detail,
        "outcome": task.outcome,
    }


def view_consistency(result: ConsistencyResult, tenant_id: TenantId) -> ViewConsistency:
    """Show the last comparison of a view with the log; of its differences, this tenant's."""
    return {
        "view": result.view,
        "generation": result.generation,
        "is_equal": result.is_equal,
        "checked_at": result.checked_at.isoformat(),
        "topic": result.topic,
        "positions": {str(at): offset for at, offset in sorted(result.positions.items())},
        "row_count": result.row_count,
        "difference_count": result.difference_count,
        "repaired_count": result.repaired_count,
        "waiting_count": result.waiting_count,
        "differences": [
            _difference(each)
            for each in result.differences
            if each.key.get("tenant_id") == tenant_id
        ],
    }


def _difference(difference: ViewDifference) -> RowDifference:
    return {
        "table": difference.table,
        "kind": cast("DifferenceKind", difference.kind),
        "key": difference.key,
        "columns": {
            name: {"by_log": by_log, "found": found}
            for name, (by_log, found) in difference.columns.items()
        },
    }
