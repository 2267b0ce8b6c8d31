"""Which assets an operation is about, and what it would change in one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from domain.bulk import Filter, Instructions, OperationKind
from domain.values import AssetId, Status

_PRESENT = (Status.SUBMITTED, Status.PUBLISHED, Status.REJECTED)
_OF_KIND: dict[OperationKind, tuple[Status, ...]] = {
    "restore": (Status.DELETED,),
    "reprocess": (Status.PUBLISHED,),
    "refresh": (Status.PUBLISHED,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What is known of an asset when assets are chosen; it may be a moment old."""

    asset_id: AssetId
    status: Status
    category_ids: tuple[str, ...]
    tags: tuple[str, ...]
    created_at: datetime
    pipeline_version: int
    original_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WouldChange:
    """One field of an asset as it is and as it would be."""

    field: str
    before: str | Sequence[str]
    after: str | Sequence[str]


def statuses(kind: OperationKind) -> tuple[Status, ...]:
    """Say which assets a kind of operation is about when the filter does not."""
    return _OF_KIND.get(kind, _PRESENT)


def matches(wanted: Filter, candidate: Candidate) -> bool:
    """Tell whether an asset passes a filter whose categories are ids."""
    return (
        candidate.status in wanted.statuses
        and (wanted.category is None or wanted.category in candidate.category_ids)
        and (wanted.since is None or candidate.created_at >= wanted.since)
        and (wanted.until is None or candidate.created_at < wanted.until)
        and {*wanted.tags} <= {*candidate.tags}
        and (wanted.rendered_before is None or candidate.pipeline_version < wanted.rendered_before)
        and (not wanted.asset_ids or candidate.asset_id in wanted.asset_ids)
    )


def would_change(
    wanted: Instructions, candidate: Candidate, opened: str = ""
) -> WouldChange | None:
    """Show what would become of a candidate, its categories by id; None when nothing would.

    ``opened`` stands for the category that a split is going to open.
    """
    match wanted.kind:
        case "recategorise" | "move" | "merge_categories" | "split_category":
            added = {*wanted.add, *([opened] if opened else [])}
            kept = {*candidate.category_ids} - {*wanted.remove}
            after = {*wanted.categories} if wanted.categories else kept | added
            return _differing("categories", sorted(candidate.category_ids), sorted(after))
        case "tag":
            tags = [*candidate.tags, *(t for t in wanted.tags if t not in candidate.tags)]
            return _differing("tags", list(candidate.tags), tags)
        case "untag":
            left = [tag for tag in candidate.tags if tag not in wanted.tags]
            return _differing("tags", list(candidate.tags), left)
        case "delete":
            return _differing("status", candidate.status.value, Status.DELETED.value)
        case "restore":
            return _differing("status", candidate.status.value, "as before its deletion")
        case "reprocess":
            now = f"pipeline {candidate.pipeline_version}"
            return _differing("renditions", now, "rendered anew")
        case "refresh":
            return _differing("picture", "as it was fetched", "as its source has it")
        case _:
            assert_never(wanted.kind)


def _differing(
    field: str, before: str | Sequence[str], after: str | Sequence[str]
) -> WouldChange | None:
    return None if before == after else WouldChange(field=field, before=before, after=after)
