"""A job, and the event that another one follows from."""

from domain.events import AssetSubmitted, EventMetadata
from domain.jobs import ImageJob
from domain.values import Actor, AssetId, CommandId, CorrelationId, EventId
from tests.samples import A_CAT, ACME, CAT_PICTURE, NOON

JOB = ImageJob(
    job_id=EventId("5f0c4a4e-0000-5000-8000-000000000001"),
    tenant_id=ACME,
    asset_id=AssetId("5f0c4a4e-0000-5000-8000-000000000002"),
    run=1,
    preset="default",
    source=CAT_PICTURE,
    original=None,
    correlation_id=CorrelationId("c-1"),
    issued_at=NOON,
    not_before=None,
    failed_attempts=(),
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
    description=A_CAT,
    preset="default",
    run=1,
)
