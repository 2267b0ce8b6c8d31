"""Webhook endpoints: where a tenant wants to be told of which events, and their health."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NewType

from domain.values import CommandId, TenantId

EndpointId = NewType("EndpointId", str)
DisabledBecause = Literal["gone", "failing", "asked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """A URL of a tenant that is sent some types of events.

    ``starts_at`` is where each partition of asset-events ended when it was registered: it is told
    of all events from there on. ``fingerprint`` is that of the request. ``secret_number`` grows
    when the secret is rotated, last by the request ``rotated_by``; until ``previous_until`` the
    secret before signs too.
    """

    endpoint_id: EndpointId
    tenant_id: TenantId
    url: str
    event_types: tuple[str, ...]
    description: str
    registered_at: datetime
    starts_at: tuple[int, ...]
    fingerprint: str
    secret_number: int
    made_with: str
    previous_made_with: str | None
    previous_until: datetime | None
    rotated_by: CommandId | None

    def wants(self, event_type: str, partition: int, offset: int) -> bool:
        """Return True if it is to be told of this event when it happens."""
        return event_type in self.event_types and offset >= self.starts_at[partition]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointHealth:
    """Since when all attempts at an endpoint fail, and whether it was disabled."""

    endpoint_id: EndpointId
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_because: DisabledBecause | None = None
