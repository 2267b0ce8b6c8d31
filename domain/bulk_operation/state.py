"""The state of a bulk operation, and the fold that makes it from events."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import assert_never

from domain.bulk_operation.events import (
    OperationEnded,
    OperationEvent,
    OperationPaused,
    OperationProgressed,
    OperationResumed,
    OperationSelected,
    OperationStarted,
    OperationThrottled,
)
from domain.bulk_operation.values import Counts, Filter, Instructions, OperationState, RefusalCount
from domain.values import Actor, CommandId, OperationId, TenantId

MAX_ITEMS_IN_FLIGHT = 100  # items whose commands may be under way together


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation as its events left it.

    ``after`` is where the search for assets goes on, ``is_selected`` says that it has ended.
    ``commands`` are the clients' commands that took effect, so that none does twice.
    """

    operation_id: OperationId
    tenant_id: TenantId
    version: int
    started_at: datetime
    updated_at: datetime
    actor: Actor
    fingerprint: str | None
    filter: Filter
    instructions: Instructions
    per_second: int
    reverts: OperationId | None
    origin: OperationId
    depth: int
    state: OperationState
    is_selected: bool
    after: str
    total: int
    counts: Counts
    refusals: tuple[RefusalCount, ...]
    commands: frozenset[CommandId]

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change it any more."""
        return self.state not in (OperationState.RUNNING, OperationState.PAUSED)

    @property
    def possibly_changed(self) -> int:
        """How many of the selected items may have been changed: the settled, and one round more."""
        return min(self.total, self.counts.processed + MAX_ITEMS_IN_FLIGHT)


def evolve(operation: Operation | None, event: OperationEvent) -> Operation | None:
    """Fold one event into the operation; never refuses, the event already happened."""
    if isinstance(event, OperationStarted):
        return _started(event)
    if operation is None:
        return None
    operation = replace(
        operation,
        version=event.metadata.entity_version,
        updated_at=event.metadata.happened_at,
        commands=operation.commands | {event.metadata.command_id}
        if event.metadata.fingerprint is not None
        else operation.commands,
    )
    match event:
        case OperationSelected():
            return replace(
                operation, after=event.after, total=event.total, is_selected=event.is_last
            )
        case OperationProgressed():
            return replace(operation, counts=event.counts, refusals=event.refusals)
        case OperationPaused():
            return replace(operation, state=OperationState.PAUSED)
        case OperationResumed():
            return replace(operation, state=OperationState.RUNNING)
        case OperationThrottled():
            return replace(operation, per_second=event.per_second)
        case OperationEnded():
            return replace(operation, state=event.state)
        case _:
            assert_never(event)


def replay(events: Iterable[OperationEvent]) -> Operation | None:
    """Rebuild an operation from everything that ever happened to it."""
    return reduce(evolve, events, None)


def _started(event: OperationStarted) -> Operation:
    metadata = event.metadata
    return Operation(
        operation_id=OperationId(metadata.entity_id),
        tenant_id=metadata.tenant_id,
        version=metadata.entity_version,
        started_at=metadata.happened_at,
        updated_at=metadata.happened_at,
        actor=metadata.actor,
        fingerprint=metadata.fingerprint,
        filter=event.filter,
        instructions=event.instructions,
        per_second=event.per_second,
        reverts=event.reverts,
        origin=event.origin,
        depth=event.depth,
        state=OperationState.RUNNING,
        is_selected=event.reverts is not None,
        after="",
        total=event.total,
        counts=Counts(changed=0, unchanged=0, conflicts=0, refused=0),
        refusals=(),
        commands=frozenset(),
    )
