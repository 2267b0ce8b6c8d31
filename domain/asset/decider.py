"""The decider of assets: commands in, events or a refusal out."""

from datetime import datetime
from typing import assert_never

from domain.asset import categorisation, publication, run_requests
from domain.asset.blob_keys import source_identity
from domain.asset.commands import (
    AdjustCategories,
    AdjustTags,
    AssetCommand,
    ConfirmAsset,
    ConfirmErasure,
    DelayAsset,
    DeleteAsset,
    DescribeAsset,
    PublishAsset,
    PurgeAsset,
    RefreshAsset,
    RejectAsset,
    ReplaceSource,
    ReprocessAsset,
    RepublishAsset,
    RestoreAsset,
    SetCategories,
    SubmitAsset,
)
from domain.asset.description import check_description
from domain.asset.events import (
    AssetDeleted,
    AssetErased,
    AssetEvent,
    AssetPurged,
    AssetRestored,
    AssetSubmitted,
)
from domain.asset.guards import refuse_not_deleted
from domain.asset.state import Asset
from domain.category import Catalogue
from domain.errors import (
    AssetAlreadySubmitted,
    AssetNotFound,
    VersionMismatch,
)
from domain.event_metadata import stamp
from domain.events import EventMetadata
from domain.values import (
    Status,
)


def decide(
    command: AssetCommand, asset: Asset | None, catalogue: Catalogue, now: datetime
) -> list[AssetEvent]:
    """Return the events that a command leads to.

    ``catalogue`` is the tenant's, to resolve categories. Raises a Refusal: AssetNotFound,
    AssetAlreadySubmitted, AssetIsDeleted, AssetIsNotDeleted, AssetIsPurged, AssetHasNoOriginal,
    AssetHasNoUrl, AssetNeedsCategory, UnknownCategory, CategoryIsArchived, DescriptionRefused,
    VersionMismatch.
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
            return publication.publish(command, asset, metadata)
        case ConfirmAsset():
            return publication.confirm(command, asset, metadata)
        case RejectAsset():
            return publication.reject(command, asset, metadata)
        case DelayAsset():
            return publication.delay(command, asset, metadata)
        case SetCategories():
            return categorisation.set_categories(command, asset, catalogue, metadata)
        case AdjustCategories():
            return categorisation.adjust_categories(command, asset, catalogue, metadata)
        case DescribeAsset():
            return categorisation.describe(command, asset, metadata)
        case AdjustTags():
            return categorisation.adjust_tags(command, asset, metadata)
        case DeleteAsset():
            return _delete(asset, metadata)
        case RestoreAsset():
            return _restore(asset, metadata)
        case PurgeAsset():
            return _purge(asset, metadata)
        case ConfirmErasure():
            return _confirm_erasure(asset, metadata)
        case ReprocessAsset():
            return run_requests.reprocess(command, asset, metadata)
        case RepublishAsset():
            return publication.republish(command, asset, metadata)
        case ReplaceSource():
            return run_requests.replace_source(command, asset, metadata)
        case RefreshAsset():
            return run_requests.refresh(command, asset, metadata)
        case _:
            assert_never(command)


def _submit(
    command: SubmitAsset, asset: Asset | None, catalogue: Catalogue, now: datetime
) -> list[AssetEvent]:
    if asset is not None:
        if _is_said_again(command, asset):
            return []  # said twice, happened once
        raise AssetAlreadySubmitted(f"asset {asset.asset_id} was submitted with other content")
    check_description(command.description)
    return [
        AssetSubmitted(
            metadata=stamp(command.metadata, 0, None, now),
            source=command.source,
            category_ids=catalogue.resolve(command.categories),
            description=command.description,
            preset=command.preset,
            run=1,
            is_bulk=command.is_bulk,
            duplicates=command.duplicates,
        )
    ]


def _is_said_again(command: SubmitAsset, asset: Asset) -> bool:
    source, description, preset = asset.submission
    return (source_identity(command.source), command.source.file_name) == (
        source_identity(source),
        source.file_name,
    ) and (command.description, command.preset) == (description, preset)


def _delete(asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    if asset.is_gone:
        return []
    return [
        AssetDeleted(
            metadata=metadata,
            category_ids=asset.category_ids,
            created_at=asset.created_at,
            previous_status=asset.status,
            shown_since=asset.shown_since,
        )
    ]


def _restore(asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    refuse_not_deleted(asset)
    # A result that came while it was deleted was dropped, so an unfinished run starts again.
    is_unfinished = asset.run != asset.finished_run
    return [
        AssetRestored(
            metadata=metadata,
            status=asset.status_before_deletion,
            previous_status=asset.status,
            category_ids=asset.category_ids,
            created_at=asset.created_at,
            source=asset.source,
            preset=asset.preset,
            focal_point=asset.description.focal_point,
            run=asset.run + 1 if is_unfinished else asset.run,
            starts_run=is_unfinished,
            listing=asset.listing,
            duplicates=asset.duplicates,
        )
    ]


def _purge(asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    if asset.status is Status.PURGED:
        return []
    refuse_not_deleted(asset)
    return [
        AssetPurged(
            metadata=metadata,
            category_ids=asset.category_ids,
            created_at=asset.created_at,
            previous_status=asset.status,
            shown_in=asset.shown_in,
            sha256=asset.original.sha256 if asset.original else None,
            perceptual_hash=asset.perceptual_hash,
        )
    ]


def _confirm_erasure(asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    if asset.is_erased or asset.status is not Status.PURGED:
        return []
    return [AssetErased(metadata=metadata)]
