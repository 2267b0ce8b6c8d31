"""The shapes of answers about bulk operations, for the description of the service."""

from datetime import datetime
from typing import Any

from pydantic import Field

from domain.bulk_operation.values import ItemResult, OperationKind, OperationState
from query_api.responses.models import ChangeAnswer, ResponseModel


class ProgressAnswer(ResponseModel):
    """How many assets an operation has dealt with; `refused` counts them by reason."""

    total: int
    done: int
    changed: int
    unchanged: int
    conflicts: int
    refused: dict[str, int]
    assets_per_minute: int
    eta_seconds: int | None


class OperationAnswer(ResponseModel):
    """A bulk operation; `total` grows until `is_selected`."""

    operation_id: str
    kind: OperationKind
    state: OperationState
    reason: str | None = Field(description="Why it failed or was cancelled.")
    filter: dict[str, Any]
    instructions: dict[str, Any]
    per_second: int
    is_selected: bool = Field(description="Whether all assets it is about are known.")
    progress: ProgressAnswer
    reverts: str | None
    reverted_by: str | None
    actor: str
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    links: dict[str, str]


class OperationsAnswer(ResponseModel):
    """A tenant's bulk operations, the newest first."""

    items: list[OperationAnswer]


class OperationItemAnswer(ResponseModel):
    """What became of one asset, or of the category that a merge or split is about (null)."""

    place: int
    asset_id: str | None
    result: ItemResult
    problem: str | None = Field(examples=["asset-is-deleted"])
    detail: str | None
    version: int | None
    changes: list[ChangeAnswer]


class OperationItemsAnswer(ResponseModel):
    """A page of an operation's items, in the order they were dealt with."""

    items: list[OperationItemAnswer]
    next: str | None
