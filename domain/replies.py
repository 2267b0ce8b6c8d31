"""The outcomes that answer a command: accepted, unchanged, refused."""

from collections.abc import Sequence
from datetime import datetime

from domain.commands import Command
from domain.errors import Refusal
from domain.events import Event
from domain.outcomes import (
    AssetSnapshot,
    CategorySnapshot,
    CommandAccepted,
    CommandRefused,
    EventRef,
)


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
