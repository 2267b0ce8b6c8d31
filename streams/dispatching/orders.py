"""Which work a fact asks for."""

from dataclasses import replace

from domain.events import (
    AssetRefreshRequested,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
    Event,
)
from domain.jobs import ImageJob
from domain.values import Duplicates


def job_for(event: Event) -> ImageJob | None:
    """Order the pipeline run that an event starts; most events start none.

    The same event gives the same job, so it may be ordered any number of times.
    """
    match event:
        case AssetSubmitted() | AssetSourceReplaced():
            is_bulk = isinstance(event, AssetSubmitted) and event.is_bulk
            job = _job(event, event.run, event.preset, event.duplicates)
            return replace(job, source=event.source, is_bulk=is_bulk)
        case AssetRestored() if event.starts_run:
            job = _job(event, event.run, event.preset, event.duplicates)
            return replace(job, source=event.source)
        case AssetReprocessingRequested():
            job = _job(event, event.run, event.preset)
            return replace(job, original=event.original, is_bulk=event.is_bulk)
        case AssetRefreshRequested():
            job = _job(event, event.run, event.preset, event.duplicates)
            shown, is_bulk = event.picture, event.is_bulk
            return replace(job, source=event.source, picture=shown, is_bulk=is_bulk)
        case _:
            return None


def _job(event: Event, run: int, preset: str, duplicates: Duplicates = "keep") -> ImageJob:
    metadata = event.metadata
    return ImageJob(
        job_id=metadata.event_id,
        tenant_id=metadata.tenant_id,
        asset_id=event.asset_id,
        run=run,
        preset=preset,
        source=None,
        original=None,
        picture=None,
        correlation_id=metadata.correlation_id,
        issued_at=metadata.happened_at,
        not_before=None,
        failed_attempts=(),
        is_bulk=False,
        duplicates=duplicates,
    )
