"""Which work a fact asks for."""

from dataclasses import replace

from domain.asset.events import (
    AssetRefreshRequested,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
)
from domain.asset.jobs import ImageJob
from domain.events import Event
from domain.values import Duplicates, FocalPoint

_Starting = (
    AssetSubmitted
    | AssetSourceReplaced
    | AssetRestored
    | AssetReprocessingRequested
    | AssetRefreshRequested
)


def job_for(event: Event) -> ImageJob | None:
    """Order the pipeline run that an event starts; most events start none.

    The same event gives the same job, so it may be ordered any number of times.
    """
    match event:
        case AssetSubmitted():
            job = _job(event, event.description.focal_point, event.duplicates)
            return replace(job, source=event.source, is_bulk=event.is_bulk)
        case AssetSourceReplaced():
            job = _job(event, event.focal_point, event.duplicates)
            return replace(job, source=event.source)
        case AssetRestored() if event.starts_run:
            job = _job(event, event.focal_point, event.duplicates)
            return replace(job, source=event.source)
        case AssetReprocessingRequested():
            job = _job(event, event.focal_point)
            return replace(job, original=event.original, is_bulk=event.is_bulk)
        case AssetRefreshRequested():
            job = _job(event, event.focal_point, event.duplicates)
            shown, is_bulk = event.picture, event.is_bulk
            return replace(job, source=event.source, picture=shown, is_bulk=is_bulk)
        case _:
            return None


def _job(
    event: _Starting, focal_point: FocalPoint | None, duplicates: Duplicates = "keep"
) -> ImageJob:
    metadata = event.metadata
    return ImageJob(
        job_id=metadata.event_id,
        tenant_id=metadata.tenant_id,
        asset_id=event.asset_id,
        run=event.run,
        preset=event.preset,
        source=None,
        original=None,
        picture=None,
        focal_point=focal_point,
        correlation_id=metadata.correlation_id,
        issued_at=metadata.happened_at,
        not_before=None,
        failed_attempts=(),
        is_bulk=False,
        duplicates=duplicates,
    )
