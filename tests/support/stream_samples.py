"""A job, and the event that another one follows from."""

from dataclasses import replace
from datetime import timedelta

from domain.asset.events import (
    AssetConfirmed,
    AssetDelayed,
    AssetDeleted,
    AssetRefreshRequested,
    AssetRejected,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
)
from domain.asset.jobs import ImageJob
from domain.events import EventMetadata
from domain.values import (
    Actor,
    AssetId,
    CommandId,
    CorrelationId,
    EventId,
    FocalPoint,
    Status,
    TenantId,
)
from tests.support.samples import (
    A_CAT,
    ACME,
    CAT_PICTURE,
    DOG_PICTURE,
    FETCH,
    NOON,
    ORIGINAL,
    SHOWN,
)

A_WHILE = timedelta(minutes=10)
FACE = FocalPoint(x=0.25, y=0.125)
JOB = ImageJob(
    job_id=EventId("5f0c4a4e-0000-5000-8000-000000000001"),
    tenant_id=ACME,
    asset_id=AssetId("5f0c4a4e-0000-5000-8000-000000000002"),
    run=1,
    preset="default",
    source=CAT_PICTURE,
    original=None,
    picture=None,
    focal_point=None,
    correlation_id=CorrelationId("c-1"),
    issued_at=NOON,
    not_before=None,
    failed_attempts=(),
    is_bulk=False,
    duplicates="keep",
)

METADATA = EventMetadata(
    event_id=EventId("e-1"),
    tenant_id=ACME,
    entity_id="asset-1",
    entity_version=1,
    happened_at=NOON,
    command_id=CommandId("c-1"),
    correlation_id=CorrelationId("r-1"),
    actor=Actor("key:k1"),
    fingerprint=None,
)
SUBMITTED = AssetSubmitted(
    metadata=METADATA,
    source=CAT_PICTURE,
    category_ids=(),
    description=replace(A_CAT, focal_point=FACE),
    preset="default",
    run=1,
    is_bulk=False,
    duplicates="keep",
)


def insert(name: str, tenant: str = "acme", *, is_bulk: bool = False) -> AssetSubmitted:
    """Tell that a tenant's picture was taken in."""
    about = replace(
        METADATA, entity_id=name, event_id=EventId(f"e-{name}"), tenant_id=TenantId(tenant)
    )
    return replace(SUBMITTED, metadata=about, is_bulk=is_bulk)


def rejection(of: AssetSubmitted) -> AssetRejected:
    """Tell that a picture was given up."""
    return replace(REJECTED, metadata=of.metadata, run=of.run)


DELETED = AssetDeleted(
    metadata=METADATA,
    category_ids=(),
    created_at=NOON,
    previous_status=Status.SUBMITTED,
    shown_since=None,
)
RESTORED = AssetRestored(
    metadata=METADATA,
    status=Status.SUBMITTED,
    previous_status=Status.DELETED,
    category_ids=(),
    created_at=NOON,
    source=CAT_PICTURE,
    preset="default",
    focal_point=FACE,
    run=2,
    starts_run=True,
    listing=None,
    duplicates="keep",
)
REPLACED = AssetSourceReplaced(
    metadata=METADATA,
    source=DOG_PICTURE,
    previous_source=CAT_PICTURE,
    preset="default",
    focal_point=FACE,
    run=2,
    status=Status.SUBMITTED,
    previous_status=Status.SUBMITTED,
    created_at=NOON,
    duplicates="keep",
)
REPROCESSING = AssetReprocessingRequested(
    metadata=METADATA,
    original=ORIGINAL,
    preset="default",
    focal_point=FACE,
    run=2,
    is_bulk=False,
)
REFRESHING = AssetRefreshRequested(
    metadata=METADATA,
    status=Status.PUBLISHED,
    previous_status=Status.PUBLISHED,
    created_at=NOON,
    source=CAT_PICTURE,
    picture=SHOWN,
    preset="default",
    focal_point=FACE,
    run=2,
    is_bulk=True,
    duplicates="keep",
)
CONFIRMED = AssetConfirmed(metadata=METADATA, run=2, fetch=FETCH)
DELAYED = AssetDelayed(
    metadata=METADATA, run=1, code="timeout", detail="slow", attempts=1, retry_at=NOON + A_WHILE
)
REJECTED = AssetRejected(
    metadata=METADATA,
    run=1,
    code="timeout",
    detail="slow",
    attempts=4,
    keeps_published=False,
    created_at=NOON,
    previous_status=Status.SUBMITTED,
    duplicate_of=None,
    leads_there=False,
)
