"""Previews: what an operation would do, decided by the same rules and without an event."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce

from domain import asset as assets
from domain import category as catalogues
from domain.asset import Asset
from domain.asset.events import (
    AssetCategorised,
    AssetDeleted,
    AssetDescribed,
    AssetEvent,
    AssetRefreshRequested,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSubmitted,
)
from domain.bulk_operation.commands import StartOperation
from domain.bulk_operation.decider import decide
from domain.bulk_operation.item_commands import (
    asset_command_for,
    category_command_for,
    metadata_for,
)
from domain.bulk_operation.progress import CATEGORY_ITEM
from domain.bulk_operation.selection import Candidate
from domain.bulk_operation.state import Operation, replay
from domain.bulk_operation.values import Filter
from domain.category import Catalogue
from domain.errors import Refusal
from domain.event_metadata import stamp
from domain.values import (
    NO_DESCRIPTION,
    NO_SOURCE,
    AssetId,
    BlobKey,
    CategoryId,
    Original,
    Picture,
    Sha256,
)

_A_URL = replace(NO_SOURCE, url="")  # no decision looks at what it says
_A_PICTURE = Picture(  # nor into this
    original=Original(
        blob_key=BlobKey(""),
        sha256=Sha256(""),
        size_bytes=0,
        media_type="",
        width=0,
        height=0,
        frames=0,
    ),
    fetch=None,
    preset=None,
    pipeline_version=0,
    watermark=None,
    focal_point=None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedChange:
    """One field of an asset as it is and as it would be, categories by id."""

    field: str
    before: str | Sequence[str]
    after: str | Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPreview:
    """What would become of one item.

    ``code`` names the refusal it would meet. Without one and with ``is_changed`` False it is as the
    operation wants it already. ``change`` shows what would change in an asset.
    """

    is_changed: bool = False
    code: str = ""
    change: PreviewedChange | None = None


class OperationPreview:
    """An operation that has not begun: ``filter`` and ``catalogue`` are as it would find them.

    ``opened_category`` is what would become of the category that a split opens; when that is
    refused no asset is dealt with. Making a preview raises the Refusal that beginning the
    operation would.
    """

    def __init__(self, command: StartOperation, catalogue: Catalogue, now: datetime) -> None:
        begun = replay(decide(command, {}, catalogue, now))
        if begun is None:
            raise TypeError(f"{command} begins no operation")
        self._operation: Operation = begun
        self._now = now
        self.catalogue = catalogue
        self.opened_category = (
            self._category() if begun.instructions.kind == "split_category" else None
        )

    @property
    def filter(self) -> Filter:
        """Say which assets it is about, the category by its id."""
        return self._operation.filter

    def archived_category(self) -> ItemPreview | None:
        """Say what would become of the category that a merge archives after its last asset."""
        return self._category() if self._operation.instructions.kind == "merge_categories" else None

    def expected(self, asset_id: AssetId, candidate: Candidate | None) -> ItemPreview:
        """Say what would become of an asset as it is now; None is one that is not there."""
        metadata = metadata_for(self._operation, asset_id, reply_partition=0)
        command = asset_command_for(self._operation, metadata)
        asset = self._asset(candidate) if candidate else None
        try:
            events = assets.decide(command, asset, self.catalogue, self._now)
        except Refusal as refusal:
            return ItemPreview(code=type(refusal).__name__)
        return (
            ItemPreview(is_changed=True, change=_change(events[0], asset))
            if events
            else ItemPreview()
        )

    def _category(self) -> ItemPreview:
        metadata = metadata_for(self._operation, CATEGORY_ITEM, reply_partition=0)
        command = category_command_for(self._operation, metadata)
        try:
            events = catalogues.decide(command, self.catalogue, self._now)
        except Refusal as refusal:
            return ItemPreview(code=type(refusal).__name__)
        self.catalogue = reduce(catalogues.evolve, events, self.catalogue)
        return ItemPreview(is_changed=bool(events))

    def _asset(self, candidate: Candidate) -> Asset | None:
        """Make an asset of which all is as it is that decides about an operation's commands."""
        metadata = metadata_for(self._operation, candidate.asset_id, reply_partition=0)
        submitted = AssetSubmitted(
            metadata=stamp(metadata, 0, None, candidate.created_at),
            source=_A_URL if candidate.has_url else NO_SOURCE,
            category_ids=tuple(map(CategoryId, candidate.category_ids)),
            description=replace(NO_DESCRIPTION, tags=candidate.tags),
            preset="",
            run=1,
            is_bulk=False,
            duplicates="keep",
        )
        asset = assets.evolve(None, submitted)
        picture = _A_PICTURE if candidate.original_bytes else None
        return asset and replace(asset, status=candidate.status, picture=picture)


def _change(event: AssetEvent, asset: Asset | None) -> PreviewedChange | None:
    match event:
        case AssetCategorised():
            return PreviewedChange(
                field="categories", before=event.previous_category_ids, after=event.category_ids
            )
        case AssetDescribed():
            return PreviewedChange(
                field="tags", before=event.previous_description.tags, after=event.description.tags
            )
        case AssetDeleted():
            before = asset.status.value if asset else ""
            return PreviewedChange(field="status", before=before, after="deleted")
        case AssetRestored():
            return PreviewedChange(field="status", before="deleted", after="as before its deletion")
        case AssetReprocessingRequested():
            return PreviewedChange(field="renditions", before="as they are", after="rendered anew")
        case AssetRefreshRequested():
            return PreviewedChange(
                field="picture", before="as it was fetched", after="as its source has it"
            )
        case _:
            return None
