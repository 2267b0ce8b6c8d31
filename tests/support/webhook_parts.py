"""An endpoint, a delivery to it, and parts of a notifier that do what a test tells them."""

from collections import deque
from dataclasses import replace
from datetime import datetime

from domain.values import EventId, TenantId
from domain.webhook.delivery import WebhookDelivery
from domain.webhook.endpoint import EndpointId, WebhookEndpoint
from infra.kafka.topics import ASSET_EVENTS
from read_models.webhooks.signing_secrets import WebhookSecrets
from streams.webhooks.webhook_sender import DeliveryResponse
from tests.support.samples import ACME, NOON

SECRETS = WebhookSecrets(["a secret of the tests"])
ENDPOINT = WebhookEndpoint(
    endpoint_id=EndpointId("0190e5a2-6f1c-7c39-9b0e-3f1d7a7f0c11"),
    tenant_id=ACME,
    url="https://example.com/hooks",
    event_types=("asset.submitted", "asset.published"),
    description="",
    registered_at=NOON,
    starts_at=(0,) * ASSET_EVENTS.partitions,
    fingerprint="f",
    secret_number=1,
    made_with=SECRETS.current,
    previous_made_with=None,
    previous_until=None,
    rotated_by=None,
)
DELIVERY = WebhookDelivery(
    delivery_id="msg_1",
    endpoint_id=ENDPOINT.endpoint_id,
    tenant_id=ACME,
    entity_id="asset-1",
    event_id=EventId("e-1"),
    event_type="asset.submitted",
    body='{"type":"asset.submitted","data":{"title":"Käse"}}',
    ordered_at=NOON,
    is_redelivery=False,
    attempts=0,
    not_before=None,
)


def endpoint(name: str, tenant_id: TenantId = ACME) -> WebhookEndpoint:
    """Make another endpoint."""
    return replace(ENDPOINT, endpoint_id=EndpointId(name), tenant_id=tenant_id)


def answer(status: int | None, seconds: float = 0.0) -> DeliveryResponse:
    """Make what a server answered."""
    return DeliveryResponse(status=status, detail="said so", seconds=seconds)


class FakePoster:
    """Answers what it was told to, then 200 for ever; keeps what was posted."""

    def __init__(self, *answers: DeliveryResponse) -> None:
        self.answers = deque(answers)
        self.posted: list[WebhookDelivery] = []

    async def post(
        self, endpoint: WebhookEndpoint, delivery: WebhookDelivery, now: datetime
    ) -> DeliveryResponse:
        self.posted.append(delivery)
        return self.answers.popleft() if self.answers else answer(200)
