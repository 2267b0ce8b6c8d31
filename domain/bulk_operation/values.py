"""Values of bulk operations: filters that select assets, and what is done to each."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from domain.values import AssetId, CategoryRef, CategorySlug, Status

OperationKind = Literal[
    "recategorise",
    "move",
    "tag",
    "untag",
    "delete",
    "restore",
    "reprocess",
    "refresh",
    "merge_categories",
    "split_category",
]
ItemResult = Literal["changed", "unchanged", "conflict", "refused"]


class OperationState(StrEnum):
    """Where an operation stands."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which assets; what is None or empty does not narrow. ``since`` and ``until`` are half-open.

    ``asset_ids`` stands alone. ``rendered_before`` takes what an older pipeline rendered.
    """

    category: CategoryRef | None
    since: datetime | None
    until: datetime | None
    tags: tuple[str, ...]
    statuses: tuple[Status, ...]
    rendered_before: int | None
    asset_ids: tuple[AssetId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """What to do to each asset; a kind uses only some of it.

    ``categories`` replaces the whole set, ``add`` and ``remove`` change it. ``slug``, ``name`` and
    ``parent`` describe the category that a split opens.
    """

    kind: OperationKind
    categories: tuple[CategoryRef, ...]
    add: tuple[CategoryRef, ...]
    remove: tuple[CategoryRef, ...]
    tags: tuple[str, ...]
    preset: str | None
    slug: CategorySlug | None
    name: str | None
    parent: CategoryRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOutcome:
    """What became of one item; ``version`` is the asset's after the change, else 0.

    ``code`` names the refusal, ``detail`` says more of a refusal or a conflict.
    """

    item: str
    result: ItemResult
    code: str
    detail: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many items came to what."""

    changed: int
    unchanged: int
    conflicts: int
    refused: int

    @property
    def processed(self) -> int:
        """How many are done with."""
        return self.changed + self.unchanged + self.conflicts + self.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalCount:
    """How many items were refused for one reason."""

    code: str
    items: int
