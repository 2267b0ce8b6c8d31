"""The metadata of an event: who caused it, when, and as which version."""

from datetime import datetime, timedelta

from domain.commands import CommandMetadata
from domain.events import EventMetadata
from domain.identity import event_id_for

_TICK = timedelta(microseconds=1)


def stamp(
    command: CommandMetadata,
    version: int,
    updated_at: datetime | None,
    now: datetime,
    number: int = 0,
) -> EventMetadata:
    """Mark the number-th event of a command that met an aggregate at ``version``.

    ``happened_at`` is ``now``, or a microsecond after the aggregate's last event when the clock
    stands still or went back: views order writes by it.
    """
    return EventMetadata(
        event_id=event_id_for(command.command_id, number),
        tenant_id=command.tenant_id,
        entity_id=command.entity_id,
        entity_version=version + 1,
        happened_at=now if updated_at is None else max(now, updated_at + _TICK),
        command_id=command.command_id,
        correlation_id=command.correlation_id,
        actor=command.actor,
        fingerprint=command.fingerprint,
    )
