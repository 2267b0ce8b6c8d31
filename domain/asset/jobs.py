"""Image jobs: what the dispatcher asks of the image workers."""

from dataclasses import dataclass
from datetime import datetime

from domain.asset.events import AssetEvent
from domain.asset.runs import RunStarted, run_transition
from domain.failures import FailureCode
from domain.values import (
    AssetId,
    CorrelationId,
    Duplicates,
    EventId,
    FocalPoint,
    Original,
    Picture,
    Source,
    TenantId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """One try at a job that did not work out."""

    code: FailureCode
    detail: str
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageJob:
    """One pipeline run of one asset.

    ``job_id`` is the id of the event that caused it, so the same fact dispatched twice is the same
    job. ``original`` is set when a kept original is rendered anew; otherwise ``source`` is fetched.
    ``picture`` is what is shown meanwhile, set when the source is asked whether it still has that.
    ``focal_point`` is where the preset cuts, unless that knows better.
    ``not_before`` holds a retry back until that moment; ``is_bulk`` leaves some room to others.
    ``duplicates`` says whether it matters that another asset has the same bytes.
    """

    job_id: EventId
    tenant_id: TenantId
    asset_id: AssetId
    run: int
    preset: str
    source: Source | None
    original: Original | None
    picture: Picture | None
    focal_point: FocalPoint | None
    correlation_id: CorrelationId
    issued_at: datetime
    not_before: datetime | None
    failed_attempts: tuple[FailedAttempt, ...]
    is_bulk: bool
    duplicates: Duplicates


def job_for(event: AssetEvent) -> ImageJob | None:
    """Return the job of the run that an event starts; None for an event that starts none.

    The same event gives the same job, so it may be enqueued any number of times.
    """
    started = run_transition(event)
    if not isinstance(started, RunStarted):
        return None
    metadata = event.metadata
    return ImageJob(
        job_id=metadata.event_id,
        tenant_id=metadata.tenant_id,
        asset_id=event.asset_id,
        run=started.run,
        preset=started.preset,
        source=started.source,
        original=started.original,
        picture=started.picture,
        focal_point=started.focal_point,
        correlation_id=metadata.correlation_id,
        issued_at=metadata.happened_at,
        not_before=None,
        failed_attempts=(),
        is_bulk=started.is_bulk,
        duplicates=started.duplicates,
    )
