"""Deliveries to a customer's own server, their attempts, and history to be delivered again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.values import EventId, TenantId
from domain.webhook.endpoint import EndpointId

AttemptOutcome = Literal["delivered", "failed", "given_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """One event on its way to one endpoint.

    ``delivery_id`` follows from both, so the same fact announced twice is the same delivery.
    ``body`` is what is sent, the same at each attempt; it tells of ``entity_id``, and is empty once
    that was erased. ``not_before`` holds it back until that moment; ``attempts`` counts those that
    failed.
    """

    delivery_id: str
    endpoint_id: EndpointId
    tenant_id: TenantId
    entity_id: str
    event_id: EventId
    event_type: str
    body: str
    ordered_at: datetime
    is_redelivery: bool
    attempts: int
    not_before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAttempt:
    """What came of one try at a delivery; ``detail`` may be shown to the customer.

    ``status`` is what the endpoint answered, where it answered at all.
    """

    delivery_id: str
    endpoint_id: EndpointId
    event_id: EventId
    event_type: str
    is_redelivery: bool
    number: int
    attempted_at: datetime
    duration_ms: int
    outcome: AttemptOutcome
    status: int | None
    detail: str
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRedelivery:
    """A stretch of history that an endpoint is to be told again.

    ``since`` is included, ``until`` is not; no ``event_types`` means those that the endpoint wants.
    ``positions`` and ``ends`` say how far each partition was read and where it is enough; both are
    empty until the first portion.
    """

    redelivery_id: str
    endpoint_id: EndpointId
    tenant_id: TenantId
    since: datetime
    until: datetime
    event_types: tuple[str, ...]
    positions: tuple[int, ...]
    ends: tuple[int, ...]
