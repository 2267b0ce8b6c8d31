"""Selection: which assets an operation is about."""

from dataclasses import dataclass
from datetime import datetime

from domain.bulk_operation.values import Filter, OperationKind
from domain.values import AssetId, Status

_PRESENT = (Status.SUBMITTED, Status.PUBLISHED, Status.REJECTED)
_OF_KIND: dict[OperationKind, tuple[Status, ...]] = {
    "restore": (Status.DELETED,),
    "reprocess": (Status.PUBLISHED,),
    "refresh": (Status.PUBLISHED,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What is known of an asset when assets are chosen; it may be a moment old.

    ``original_bytes`` is 0 of one that was never published, ``has_url`` False of an upload.
    """

    asset_id: AssetId
    status: Status
    category_ids: tuple[str, ...]
    tags: tuple[str, ...]
    created_at: datetime
    pipeline_version: int
    original_bytes: int
    has_url: bool


def default_statuses(kind: OperationKind) -> tuple[Status, ...]:
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
