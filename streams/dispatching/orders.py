"""Which work a fact asks for."""

from domain.events import (
    AssetRefreshRequested,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
    Event,
)
from domain.jobs import ImageJob
from domain.values import Original, Picture, Source


def job_for(event: Event) -> ImageJob | None:
    """Order the pipeline run that an event starts; most events start none.

    The same event gives the same job, so it may be ordered any number of times.
    """
    match event:
        case AssetSubmitted() | AssetSourceReplaced():
            is_bulk = isinstance(event, AssetSubmitted) and event.is_bulk
            return _job(event, event.run, event.preset, source=event.source, is_bulk=is_bulk)
        case AssetRestored() if event.starts_run:
            return _job(event, event.run, event.preset, source=event.source)
        case AssetReprocessingRequested():
            is_bulk = event.is_bulk
            return _job(event, event.run, event.preset, original=event.original, is_bulk=is_bulk)
        case AssetRefreshRequested():
            asked, is_bulk = event.source, event.is_bulk
            return _job(
                event, event.run, event.preset, source=asked, picture=event.picture, is_bulk=is_bulk
            )
        case _:
            return None


def _job(
    event: Event,
    run: int,
    preset: str,
    *,
    source: Source | None = None,
    original: Original | None = None,
    picture: Picture | None = None,
    is_bulk: bool = False,
) -> ImageJob:
    metadata = event.metadata
    return ImageJob(
        job_id=metadata.event_id,
        tenant_id=metadata.tenant_id,
        asset_id=event.asset_id,
        run=run,
        preset=preset,
        source=source,
        original=original,
        picture=picture,
        correlation_id=metadata.correlation_id,
        issued_at=metadata.happened_at,
        not_before=None,
        failed_attempts=(),
        is_bulk=is_bulk,
    )
