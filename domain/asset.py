"""One picture and everything that may happen to it.

submitted → published | rejected; any of them → deleted → restored to what it was, or purged.
A published asset stays published while it is reprocessed or its source is replaced.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import assert_never

from domain import describing
from domain.catalogue import Catalogue
from domain.commands import (
    AssetCommand,
    DeleteAsset,
    DescribeAsset,
    PublishAsset,
    PurgeAsset,
    RejectAsset,
    ReplaceSource,
    ReprocessAsset,
    RestoreAsset,
    SetCategories,
    SubmitAsset,
)
from domain.errors import (
    AssetAlreadySubmitted,
    AssetHasNoOriginal,
    AssetIsDeleted,
    AssetIsNotDeleted,
    AssetIsPurged,
    AssetNotFound,
    VersionMismatch,
)
from domain.events import (
    AssetCategorised,
    AssetDeleted,
    AssetDescribed,
    AssetEvent,
    AssetPublished,
    AssetPurged,
    AssetRejected,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
    EventMetadata,
)
from domain.outcomes import AssetSnapshot
from domain.recording import stamp
from domain.values import (
    AssetId,
    BlobKey,
    CategoryId,
    Description,
    Listing,
    Original,
    Source,
    Status,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """An asset as its events left it.

    ``run`` counts pipeline runs; ``finished_run`` is the last one that ended, so a run is under way
    while they differ. ``status_before_deletion`` is what a restore goes back to.
    """

    asset_id: AssetId
    version: int
    updated_at: datetime
    created_at: datetime
    status: Status
    status_before_deletion: Status
    submission: tuple[Source, Description, str]
    source: Source
    category_ids: tuple[CategoryId, ...]
    description: Description
    preset: str
    run: int
    finished_run: int
    original: Original | None
    listing: Listing | None
    blob_keys: tuple[BlobKey, ...]

    @property
    def is_gone(self) -> bool:
        """Whether it is deleted or purged."""
        return self.status in (Status.DELETED, Status.PURGED)


def decide(
    command: AssetCommand, asset: Asset | None, catalogue: Catalogue, now: datetime
) -> list[AssetEvent]:
    """Say what happens when this command meets this asset.

    ``catalogue`` is the tenant's, to resolve categories. Raises a Refusal: AssetNotFound,
    AssetAlreadySubmitted, AssetIsDeleted, AssetIsNotDeleted, AssetIsPurged, AssetHasNoOriginal,
    UnknownCategory, CategoryIsArchived, DescriptionRefused, VersionMismatch.
    """
    if isinstance(command, SubmitAsset):
        return _submit(command, asset, catalogue, now)
    if asset is None:
        raise AssetNotFound(f"no asset {command.metadata.entity_id}")
    expected = command.metadata.expected_version
    if expected not in (None, asset.version):
        raise VersionMismatch(
            f"the asset is at version {asset.version}; read it again",
            {"current_version": str(asset.version)},
        )
    metadata = stamp(command.metadata, asset.version, asset.updated_at, now)
    match command:
        case PublishAsset():
            return _publish(command, asset, metadata)
        case RejectAsset():
            return _reject(command, asset, metadata)
        case SetCategories():
            return _set_categories(command, asset, catalogue, metadata)
        case DescribeAsset():
            return _describe(command, asset, metadata)
        case DeleteAsset():
            return _delete(asset, metadata)
        case RestoreAsset():
            return _restore(asset, metadata)
        case PurgeAsset():
            return _purge(asset, metadata)
        case ReprocessAsset():
            return _reprocess(command, asset, metadata)
        case ReplaceSource():
            return _replace_source(command, asset, metadata)
        case _:
            assert_never(command)


def evolve(asset: Asset | None, event: AssetEvent) -> Asset | None:
    """Fold one event into the asset; never refuses, the event already happened."""
    metadata = event.metadata
    if isinstance(event, AssetSubmitted):
        return _submitted(event)
    if asset is None:
        return None
    asset = replace(asset, version=metadata.entity_version, updated_at=metadata.happened_at)
    match event:
        case AssetPublished():
            keys = {event.original.blob_key, *(r.blob_key for r in event.renditions)}
            return replace(
                asset,
                status=Status.PUBLISHED,
                finished_run=event.run,
                original=event.original,
                listing=event.listing,
                blob_keys=tuple(sorted({*asset.blob_keys, *keys})),
            )
        case AssetRejected():
            status = asset.status if event.keeps_published else Status.REJECTED
            return replace(asset, status=status, finished_run=event.run)
        case AssetCategorised():
            return replace(asset, category_ids=event.category_ids, listing=event.listing)
        case AssetDescribed():
            return replace(asset, description=event.description, listing=event.listing)
        case AssetDeleted():
            return replace(asset, status=Status.DELETED, status_before_deletion=asset.status)
        case AssetRestored():
            return replace(asset, status=event.status, run=event.run)
        case AssetPurged():
            return replace(asset, status=Status.PURGED, original=None, listing=None, blob_keys=())
        case AssetReprocessingRequested():
            return replace(asset, preset=event.preset, run=event.run)
        case AssetSourceReplaced():
            staged = (event.source.upload_key,) if event.source.upload_key else ()
            return replace(
                asset,
                source=event.source,
                preset=event.preset,
                run=event.run,
                status=event.status,
                blob_keys=tuple(sorted({*asset.blob_keys, *staged})),
            )
        case _:
            assert_never(event)


def replay(events: Iterable[AssetEvent]) -> Asset | None:
    """Rebuild an asset from everything that ever happened to it."""
    return reduce(evolve, events, None)


def snapshot(asset: Asset) -> AssetSnapshot:
    """Show an asset as an outcome does."""
    return AssetSnapshot(
        asset_id=asset.asset_id,
        version=asset.version,
        status=asset.status,
        created_at=asset.created_at,
        source=asset.source,
        category_ids=asset.category_ids,
        description=asset.description,
        preset=asset.preset,
        run=asset.run,
    )


def _submit(
    command: SubmitAsset, asset: Asset | None, catalogue: Catalogue, now: datetime
) -> list[AssetEvent]:
    if asset is not None:
        if asset.submission == (command.source, command.description, command.preset):
            return []  # said twice, happened once
        raise AssetAlreadySubmitted(f"asset {asset.asset_id} was submitted with other content")
    describing.check(command.description)
    return [
        AssetSubmitted(
            metadata=stamp(command.metadata, 0, None, now),
            source=command.source,
            category_ids=catalogue.resolve(command.categories),
            description=command.description,
            preset=command.preset,
            run=1,
        )
    ]


def _submitted(event: AssetSubmitted) -> Asset:
    return Asset(
        asset_id=event.asset_id,
        version=event.metadata.entity_version,
        updated_at=event.metadata.happened_at,
        created_at=event.metadata.happened_at,
        status=Status.SUBMITTED,
        status_before_deletion=Status.SUBMITTED,
        submission=(event.source, event.description, event.preset),
        source=event.source,
        category_ids=event.category_ids,
        description=event.description,
        preset=event.preset,
        run=event.run,
        finished_run=0,
        original=None,
        listing=None,
        blob_keys=(event.source.upload_key,) if event.source.upload_key else (),
    )


def _publish(command: PublishAsset, asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    if _is_late(command.run, asset):
        return []
    return [
        AssetPublished(
            metadata=metadata,
            run=command.run,
            category_ids=asset.category_ids,
            original=command.original,
            renditions=command.renditions,
            facts=command.facts,
            pipeline_version=command.pipeline_version,
            fetch=command.fetch,
            listing=_listing(command, asset),
        )
    ]


def _reject(command: RejectAsset, asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    if _is_late(command.run, asset):
        return []
    return [
        AssetRejected(
            metadata=metadata,
            run=command.run,
            code=command.code,
            detail=command.detail,
            attempts=command.attempts,
            keeps_published=asset.status is Status.PUBLISHED,
        )
    ]


def _is_late(run: int, asset: Asset) -> bool:
    """Tell a result of a deleted asset, of an older run, or of a run that ended already."""
    return asset.is_gone or run != asset.run or run == asset.finished_run


def _listing(command: PublishAsset, asset: Asset) -> Listing:
    thumbnail = min(command.renditions, key=lambda rendition: rendition.width * rendition.height)
    largest = max(command.renditions, key=lambda rendition: rendition.width * rendition.height)
    return Listing(
        created_at=asset.created_at,
        title=asset.description.title,
        alt_text=asset.description.alt_text,
        media_type=command.original.media_type,
        width=largest.width,
        height=largest.height,
        thumbhash=command.facts.thumbhash,
        dominant_colour=next(iter(command.facts.dominant_colours), ""),
        thumbnail_sha256=thumbnail.sha256,
    )


def _set_categories(
    command: SetCategories, asset: Asset, catalogue: Catalogue, metadata: EventMetadata
) -> list[AssetEvent]:
    _refuse_gone(asset)
    category_ids = catalogue.resolve(command.categories)
    if category_ids == asset.category_ids:
        return []
    return [
        AssetCategorised(
            metadata=metadata,
            category_ids=category_ids,
            previous_category_ids=asset.category_ids,
            created_at=asset.created_at,
            listing=asset.listing,
        )
    ]


def _describe(command: DescribeAsset, asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    _refuse_gone(asset)
    description = describing.patched(asset.description, command.patch)
    if description == asset.description:
        return []
    listing = asset.listing and replace(
        asset.listing, title=description.title, alt_text=description.alt_text
    )
    return [
        AssetDescribed(
            metadata=metadata,
            description=description,
            previous_description=asset.description,
            category_ids=asset.category_ids,
            listing=listing,
        )
    ]


def _delete(asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    if asset.is_gone:
        return []
    return [
        AssetDeleted(
            metadata=metadata, category_ids=asset.category_ids, created_at=asset.created_at
        )
    ]


def _restore(asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    _refuse_not_deleted(asset)
    # A result that came while it was deleted was dropped, so an unfinished run starts again.
    is_unfinished = asset.run != asset.finished_run
    return [
        AssetRestored(
            metadata=metadata,
            status=asset.status_before_deletion,
            category_ids=asset.category_ids,
            created_at=asset.created_at,
            source=asset.source,
            preset=asset.preset,
            run=asset.run + 1 if is_unfinished else asset.run,
            starts_run=is_unfinished,
            listing=asset.listing,
        )
    ]


def _purge(asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    if asset.status is Status.PURGED:
        return []
    _refuse_not_deleted(asset)
    return [
        AssetPurged(
            metadata=metadata,
            category_ids=asset.category_ids,
            created_at=asset.created_at,
            blob_keys=asset.blob_keys,
        )
    ]


def _reprocess(command: ReprocessAsset, asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    _refuse_gone(asset)
    if asset.original is None:
        raise AssetHasNoOriginal("it was never published; replace its source instead")
    return [
        AssetReprocessingRequested(
            metadata=metadata,
            original=asset.original,
            preset=command.preset or asset.preset,
            run=asset.run + 1,
        )
    ]


def _replace_source(
    command: ReplaceSource, asset: Asset, metadata: EventMetadata
) -> list[AssetEvent]:
    _refuse_gone(asset)
    return [
        AssetSourceReplaced(
            metadata=metadata,
            status=Status.SUBMITTED if asset.status is Status.REJECTED else asset.status,
            source=command.source,
            previous_source=asset.source,
            preset=asset.preset,
            run=asset.run + 1,
        )
    ]


def _refuse_gone(asset: Asset) -> None:
    if asset.status is Status.PURGED:
        raise AssetIsPurged(f"asset {asset.asset_id} was purged")
    if asset.status is Status.DELETED:
        raise AssetIsDeleted(f"asset {asset.asset_id} is deleted; restore it first")


def _refuse_not_deleted(asset: Asset) -> None:
    if asset.status is Status.PURGED:
        raise AssetIsPurged(f"asset {asset.asset_id} was purged and cannot come back")
    if asset.status is not Status.DELETED:
        raise AssetIsNotDeleted(f"asset {asset.asset_id} is not deleted")
