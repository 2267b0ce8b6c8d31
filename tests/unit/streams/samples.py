"""A job, and parts of a worker that do what a test tells them."""

from domain.jobs import ImageJob
from domain.values import AssetId, CorrelationId, EventId
from tests.samples import ACME, CAT_PICTURE, NOON

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
