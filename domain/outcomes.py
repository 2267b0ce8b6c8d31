"""Outcomes: the decider's answer to the sender of a command."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.commands import Command
from domain.errors import Refusal
from domain.events import Event
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


def outcome_in(message: object) -> Outcome | None:
    """Give the message if it is an outcome."""
    return message if isinstance(message, Outcome) else None


def accepted(
    events: Sequence[Event],
    *,
    position: str,
    asset: AssetSnapshot | None = None,
    category: CategorySnapshot | None = None,
) -> CommandAccepted:
    """Tell that a command caused these events; the same events always tell the same."""
    last = events[-1].metadata
    return CommandAccepted(
        command_id=last.command_id,
        tenant_id=last.tenant_id,
        entity_id=last.entity_id,
        decided_at=last.happened_at,
        position=position,
        fingerprint=last.fingerprint,
        events=tuple(
            EventRef(event_id=event.metadata.event_id, name=type(event).__name__)
            for event in events
        ),
        asset=asset,
        category=category,
    )


def unchanged(
    command: Command,
    now: datetime,
    *,
    asset: AssetSnapshot | None = None,
    category: CategorySnapshot | None = None,
) -> CommandAccepted:
    """Tell that what was asked for is so already."""
    return CommandAccepted(
        command_id=command.metadata.command_id,
        tenant_id=command.metadata.tenant_id,
        entity_id=command.metadata.entity_id,
        decided_at=now,
        position=None,
        fingerprint=command.metadata.fingerprint,
        events=(),
        asset=asset,
        category=category,
    )


def refused(command: Command, refusal: Refusal, now: datetime) -> CommandRefused:
    """Tell that a command had no effect, and why."""
    return CommandRefused(
        command_id=command.metadata.command_id,
        tenant_id=command.metadata.tenant_id,
        entity_id=command.metadata.entity_id,
        decided_at=now,
        problem=type(refusal).__name__,
        detail=refusal.detail,
        members=refusal.members,
        fingerprint=command.metadata.fingerprint,
    )
