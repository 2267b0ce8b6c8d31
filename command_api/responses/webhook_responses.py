"""Responses about webhook endpoints."""

from datetime import datetime

from pydantic import BaseModel

from domain.webhook.delivery import WebhookAttempt, WebhookRedelivery
from domain.webhook.endpoint import EndpointHealth, EndpointId, WebhookEndpoint
from infra.http.timestamps import format_timestamp


class EndpointAnswer(BaseModel):
    """An endpoint; ``secret`` is there once, when it was made."""

    endpoint_id: str
    url: str
    event_types: tuple[str, ...]
    description: str
    created_at: str
    is_enabled: bool
    disabled_because: str | None
    disabled_at: str | None
    failing_since: str | None
    secret: str | None = None
    links: dict[str, str]


class EndpointsAnswer(BaseModel):
    """All endpoints of a tenant, the oldest first."""

    items: tuple[EndpointAnswer, ...]


class DeliveryAttemptAnswer(BaseModel):
    """One attempt to tell an endpoint of an event."""

    webhook_id: str
    event_id: str
    event_type: str
    number: int
    attempted_at: str
    duration_ms: int
    outcome: str
    status: int | None
    detail: str
    next_attempt_at: str | None
    is_redelivery: bool


class AttemptsAnswer(BaseModel):
    """The last attempts, the newest first."""

    items: tuple[DeliveryAttemptAnswer, ...]


class RedeliveryAnswer(BaseModel):
    """An order to tell history again; the deliveries follow, a few a second."""

    redelivery_id: str
    endpoint_id: str
    since: str
    until: str
    event_types: tuple[str, ...]


class TestAnswer(BaseModel):
    """A made-up event that is on its way."""

    webhook_id: str


class WebhookResponses:
    """Makes responses about endpoints; ``command_url`` is the public URL of the command API."""

    def __init__(self, command_url: str) -> None:
        self._base = f"{command_url.rstrip('/')}/v1/webhooks/"

    def link(self, endpoint_id: EndpointId) -> str:
        """Give the URL of an endpoint."""
        return self._base + endpoint_id

    def endpoint(
        self, endpoint: WebhookEndpoint, health: EndpointHealth, secret: str | None = None
    ) -> EndpointAnswer:
        """Show an endpoint and its health."""
        link = self.link(endpoint.endpoint_id)
        return EndpointAnswer(
            endpoint_id=endpoint.endpoint_id,
            url=endpoint.url,
            event_types=endpoint.event_types,
            description=endpoint.description,
            created_at=format_timestamp(endpoint.registered_at),
            is_enabled=health.disabled_at is None,
            disabled_because=health.disabled_because,
            disabled_at=_maybe(health.disabled_at),
            failing_since=_maybe(health.failing_since),
            secret=secret,
            links={"self": link, "deliveries": f"{link}/deliveries"},
        )


def attempt_response(made: WebhookAttempt) -> DeliveryAttemptAnswer:
    """Show one attempt."""
    return DeliveryAttemptAnswer(
        webhook_id=made.delivery_id,
        event_id=made.event_id,
        event_type=made.event_type,
        number=made.number,
        attempted_at=format_timestamp(made.attempted_at),
        duration_ms=made.duration_ms,
        outcome=made.outcome,
        status=made.status,
        detail=made.detail,
        next_attempt_at=_maybe(made.next_attempt_at),
        is_redelivery=made.is_redelivery,
    )


def redelivery_response(ordered: WebhookRedelivery) -> RedeliveryAnswer:
    """Show which events will be delivered again."""
    return RedeliveryAnswer(
        redelivery_id=ordered.redelivery_id,
        endpoint_id=ordered.endpoint_id,
        since=format_timestamp(ordered.since),
        until=format_timestamp(ordered.until),
        event_types=ordered.event_types,
    )


def _maybe(moment: datetime | None) -> str | None:
    return None if moment is None else format_timestamp(moment)
