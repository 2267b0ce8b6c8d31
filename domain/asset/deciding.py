"""What may be done to an asset, and what happens then."""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from domain import describing
from domain.asset.state import Asset
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
from domain.recording import stamp
from domain.values import (
    Listing,
    Status,
)

_THUMBNAIL = "thumb"  # what presets call the rendition for listings


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
            is_bulk=command.is_bulk,
        )
    ]


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
    main, *_ = command.renditions
    thumbnail = min(
        command.renditions,
        key=lambda rendition: (rendition.name != _THUMBNAIL, rendition.width * rendition.height),
    )
    return Listing(
        created_at=asset.created_at,
        title=asset.description.title,
        alt_text=asset.description.alt_text,
        media_type=command.original.media_type,
        width=main.width,
        height=main.height,
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
