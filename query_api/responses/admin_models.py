"""The shapes of answers to operators, for the description of the service."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from query_api.responses.models import ResponseModel


class ColumnDifference(ResponseModel):
    """A column of a row as the log says and as the view has it."""

    by_log: Any
    found: Any


class RowDifference(ResponseModel):
    """A row of a view that is not as the log says."""

    table: str
    kind: Literal["missing", "extra", "differs"]
    key: dict[str, Any]
    columns: dict[str, ColumnDifference]


class ViewConsistency(ResponseModel):
    """What the last comparison of a view with the log came to."""

    view: str = Field(examples=["assets_by_category"])
    generation: int
    is_equal: bool = Field(description="Whether every row was as the log says, up to positions.")
    checked_at: datetime
    topic: str = Field(examples=["asset-events"])
    positions: dict[str, int] = Field(description="By partition, the first offset not compared.")
    row_count: int
    difference_count: int
    repaired_count: int = Field(description="Rows that this run put right.")
    waiting_count: int = Field(description="Entities behind a record that the view cannot take.")
    differences: list[RowDifference] = Field(description="The first ones; your tenant's only.")


class ConsistencyAnswer(ResponseModel):
    """The views that were ever compared with the log."""

    items: list[ViewConsistency]


class ComparisonAnswer(ResponseModel):
    """How a generation compared with another."""

    compared_at: datetime
    compared_with: int
    row_count: int
    difference_count: int


class GenerationAnswer(ResponseModel):
    """One set of a view's tables, and how far it is built."""

    view: str = Field(examples=["assets_by_date"])
    generation: int
    revision: int
    state: Literal["planned", "building", "following", "failed", "cancelled"]
    is_read: bool
    is_paused: bool
    processes: int
    events_per_second: int = Field(description="0 for no limit.")
    reason: str
    started_at: datetime
    seen_at: datetime | None = Field(description="When its builder was last heard of.")
    done: int = Field(description="Offsets that are applied, of those at the start.")
    target: int
    events: int
    offsets_per_second: float
    comparison: ComparisonAnswer | None


class GenerationsAnswer(ResponseModel):
    """Generations by view and number."""

    items: list[GenerationAnswer]


class RequestAnswer(ResponseModel):
    """An operation that was asked for, and what came of it."""

    request_id: str
    action: str = Field(examples=["rebuild.start"])
    view: str
    arguments: dict[str, Any]
    asked_at: datetime
    state: Literal["asked", "running", "done", "refused", "failed"]
    detail: str = Field(description="Why it was refused, or what went wrong.")
    outcome: Any
