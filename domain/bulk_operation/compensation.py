"""Compensation: the command that takes back one item, unless the same was changed again since."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from domain.asset.commands import (
    AssetCommand,
    DeleteAsset,
    DescribeAsset,
    RepublishAsset,
    RestoreAsset,
    SetCategories,
)
from domain.asset.description import DESCRIPTION_FIELDS
from domain.asset.events import (
    AssetCategorised,
    AssetConfirmed,
    AssetDeleted,
    AssetDescribed,
    AssetEvent,
    AssetPublished,
    AssetPurged,
    AssetRefreshRequested,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
)
from domain.commands import CommandMetadata
from domain.values import CategoryRef, CorrelationId, OperationId

_Kind = TypeVar("_Kind", bound=AssetEvent)
_CHANGED_BY_OPERATIONS = tuple(
    field.name for field in DESCRIPTION_FIELDS if field.kind in ("text", "tags")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertConflict:
    """A later event changed the same, so that taking the operation back would undo that too."""

    later: AssetEvent

    def __str__(self) -> str:
        """Say what stands in the way."""
        metadata = self.later.metadata
        return (
            f"{type(self.later).__name__} (version {metadata.entity_version}, by {metadata.actor})"
            " changed the same after it"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyReverted:
    """This revert was here before: version ``version`` is its own."""

    version: int


Compensation = AssetCommand | RevertConflict | AlreadyReverted | None


def compensate(
    history: Sequence[AssetEvent], reverted: OperationId, metadata: CommandMetadata
) -> Compensation:
    """Work out from all events of an asset how to take back what an operation did to it.

    The command holds only for the version that the history ends with. None: there is nothing to
    take back, because the operation changed nothing or all is as it was before it.
    """
    done = _first(history, metadata.correlation_id)
    if done is not None:
        return AlreadyReverted(version=history[done].metadata.entity_version)
    number = _first(history, CorrelationId(reverted))
    if number is None:
        return None
    earlier, event, later = history[:number], history[number], history[number + 1 :]
    metadata = replace(metadata, expected_version=history[-1].metadata.entity_version)
    match event:
        case AssetCategorised():
            return _uncategorise(event, later, metadata)
        case AssetDescribed():
            return _undescribe(event, later, metadata)
        case AssetDeleted():
            return _undelete(later, metadata)
        case AssetRestored():
            return _delete_again(later, metadata)
        case AssetReprocessingRequested() | AssetRefreshRequested():
            return _unrender(earlier, event.run, later, metadata)
        case AssetPublished():  # what a revert of reprocessing showed again
            return _unrender(earlier, event.run, later, metadata)
        case _:
            return None


def _uncategorise(
    event: AssetCategorised, later: Sequence[AssetEvent], metadata: CommandMetadata
) -> Compensation:
    found = _of(AssetCategorised, later)
    if not found:
        refs = tuple(map(CategoryRef, event.previous_category_ids))
        return SetCategories(metadata=metadata, categories=refs)
    if found[-1].category_ids == event.previous_category_ids:
        return None
    return RevertConflict(later=found[-1])


def _undescribe(
    event: AssetDescribed, later: Sequence[AssetEvent], metadata: CommandMetadata
) -> Compensation:
    """Put back the texts and tags that it changed; no operation changes the metadata."""
    now, before = event.description, event.previous_description
    patch: dict[str, object] = {
        name: getattr(before, name)
        for name in _CHANGED_BY_OPERATIONS
        if getattr(before, name) != getattr(now, name)
    }
    found = [
        each
        for each in _of(AssetDescribed, later)
        if any(
            getattr(each.description, name) != getattr(each.previous_description, name)
            for name in patch
        )
    ]
    if not found:
        return DescribeAsset(metadata=metadata, patch=json.dumps(patch, ensure_ascii=False))
    if all(getattr(found[-1].description, name) == value for name, value in patch.items()):
        return None
    return RevertConflict(later=found[-1])


def _undelete(later: Sequence[AssetEvent], metadata: CommandMetadata) -> Compensation:
    found = [e for e in later if isinstance(e, AssetDeleted | AssetRestored | AssetPurged)]
    if not found:
        return RestoreAsset(metadata=metadata)
    return None if isinstance(found[-1], AssetRestored) else RevertConflict(later=found[-1])


def _delete_again(later: Sequence[AssetEvent], metadata: CommandMetadata) -> Compensation:
    found = [e for e in later if isinstance(e, AssetDeleted | AssetRestored | AssetPurged)]
    if not found:
        return DeleteAsset(metadata=metadata)
    return RevertConflict(later=found[-1]) if isinstance(found[-1], AssetRestored) else None


def _unrender(
    earlier: Sequence[AssetEvent], run: int, later: Sequence[AssetEvent], metadata: CommandMetadata
) -> Compensation:
    """Show again what was published before; the bytes of earlier renditions are kept.

    A run that found the source unchanged has changed nothing, neither ours nor a later one.
    """
    confirmed = {each.run for each in _of(AssetConfirmed, later)}
    if run in confirmed:
        return None
    for each in reversed(later):
        starts = (
            isinstance(
                each, AssetReprocessingRequested | AssetRefreshRequested | AssetSourceReplaced
            )
            and each.run not in confirmed
        )
        if starts or (isinstance(each, AssetPublished) and each.run != run):
            return RevertConflict(later=each)
    published = _of(AssetPublished, earlier)
    if not published:
        return None
    shown = published[-1]
    return RepublishAsset(
        metadata=metadata,
        original=shown.original,
        renditions=shown.renditions,
        facts=shown.facts,
        pipeline_version=shown.pipeline_version,
        watermark=shown.watermark,
        fetch=shown.fetch,
    )


def _of(kind: type[_Kind], events: Sequence[AssetEvent]) -> list[_Kind]:
    return [event for event in events if isinstance(event, kind)]


def _first(history: Sequence[AssetEvent], correlation_id: CorrelationId) -> int | None:
    """Find the first event of an operation; what the workers make of it comes later."""
    for number, event in enumerate(history):
        if event.metadata.correlation_id == correlation_id:
            return number
    return None
