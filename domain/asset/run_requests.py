"""Requests for another pipeline run; what is published stays until the run has ended."""

from domain.asset.commands import RefreshAsset, ReplaceSource, ReprocessAsset
from domain.asset.events import (
    AssetEvent,
    AssetRefreshRequested,
    AssetReprocessingRequested,
    AssetSourceReplaced,
)
from domain.asset.guards import refuse_gone
from domain.asset.state import Asset
from domain.errors import AssetHasNoOriginal, AssetHasNoUrl
from domain.events import EventMetadata
from domain.values import Status


def reprocess(command: ReprocessAsset, asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    """Start a run of the original; raises AssetHasNoOriginal, AssetIsDeleted, AssetIsPurged."""
    refuse_gone(asset)
    if command.if_run not in (None, asset.run):
        return []
    if asset.original is None:
        raise AssetHasNoOriginal("it was never published; replace its source instead")
    return [
        AssetReprocessingRequested(
            metadata=metadata,
            original=asset.original,
            preset=command.preset or asset.preset,
            focal_point=asset.description.focal_point,
            run=asset.run + 1,
            is_bulk=command.is_bulk,
        )
    ]


def replace_source(
    command: ReplaceSource, asset: Asset, metadata: EventMetadata
) -> list[AssetEvent]:
    """Start a run with another source; raises AssetIsDeleted, AssetIsPurged."""
    refuse_gone(asset)
    if command.if_run not in (None, asset.run):
        return []
    return [
        AssetSourceReplaced(
            metadata=metadata,
            status=_status(asset),
            previous_status=asset.status,
            created_at=asset.created_at,
            source=command.source,
            previous_source=asset.source,
            preset=asset.preset,
            focal_point=asset.description.focal_point,
            run=asset.run + 1,
            duplicates=asset.duplicates,
        )
    ]


def refresh(command: RefreshAsset, asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    """Start a run that fetches the URL; raises AssetHasNoUrl, AssetIsDeleted, AssetIsPurged."""
    refuse_gone(asset)
    if asset.source.url is None:
        raise AssetHasNoUrl("it was uploaded; upload it again to replace its source")
    return [
        AssetRefreshRequested(
            metadata=metadata,
            status=_status(asset),
            previous_status=asset.status,
            created_at=asset.created_at,
            source=asset.source,
            picture=asset.picture,
            preset=asset.preset,
            focal_point=asset.description.focal_point,
            run=asset.run + 1,
            duplicates=asset.duplicates,
            is_bulk=command.is_bulk,
        )
    ]


def _status(asset: Asset) -> Status:
    """Return the status while the source is fetched: a rejected asset is submitted again."""
    return Status.SUBMITTED if asset.status is Status.REJECTED else asset.status
