"""Events in general: the base class that carries their metadata."""

from dataclasses import dataclass
from datetime import datetime

from domain.values import (
    Actor,
    AssetId,
    CommandId,
    CorrelationId,
    EventId,
    TenantId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMetadata:
    """Which aggregate it happened to, when, and by whose command.

    ``entity_version`` counts the events of one aggregate 1, 2, 3 …; ``happened_at`` grows strictly
    with it, so a view may use it as the write timestamp. ``fingerprint`` is the command's.
    """

    event_id: EventId
    tenant_id: TenantId
    entity_id: str
    entity_version: int
    happened_at: datetime
    command_id: CommandId
    correlation_id: CorrelationId
    actor: Actor
    fingerprint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to one aggregate, at one moment."""

    metadata: EventMetadata

    @property
    def asset_id(self) -> AssetId:
        """The asset an asset event happened to."""
        return AssetId(self.metadata.entity_id)
