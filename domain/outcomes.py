"""What became of a command: the decider's answer to whoever sent it."""

from dataclasses import dataclass
from datetime import datetime

from domain.values import (
    AssetId,
    CategoryId,
    CategorySlug,
    CommandId,
    Description,
    EventId,
    Source,
    Status,
    TenantId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRef:
    """One event that a command caused."""

    event_id: EventId
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSnapshot:
    """An asset as the decision left it."""

    asset_id: AssetId
    version: int
    status: Status
    created_at: datetime
    source: Source
    category_ids: tuple[CategoryId, ...]
    description: Description
    preset: str
    run: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CategorySnapshot:
    """A category as the decision left it."""

    category_id: CategoryId
    version: int
    slug: CategorySlug
    name: str
    parent_id: CategoryId | None
    is_archived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAccepted:
    """The command took effect, or asked for what already was so (then ``events`` is empty).

    ``position`` says where in the log it took effect: topic, partition and offset, colon-separated;
    None when nothing had to be written. ``fingerprint`` is the command's: it tells apart two
    requests with the same Idempotency-Key.
    """

    command_id: CommandId
    tenant_id: TenantId
    entity_id: str
    decided_at: datetime
    position: str | None
    events: tuple[EventRef, ...]
    asset: AssetSnapshot | None
    category: CategorySnapshot | None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRefused:
    """The command had no effect; ``problem`` is the class name of the refusal."""

    command_id: CommandId
    tenant_id: TenantId
    entity_id: str
    decided_at: datetime
    problem: str
    detail: str
    members: dict[str, str]
    fingerprint: str | None = None


Outcome = CommandAccepted | CommandRefused
