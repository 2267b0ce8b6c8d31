"""The decider of bulk operations: commands in, events or a refusal out."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from domain.bulk_operation.commands import (
    CancelOperation,
    OperationCommand,
    PauseOperation,
    ResumeOperation,
    RevertOperation,
    StartOperation,
    ThrottleOperation,
)
from domain.bulk_operation.events import (
    OperationEnded,
    OperationEvent,
    OperationPaused,
    OperationResumed,
    OperationStarted,
    OperationThrottled,
)
from domain.bulk_operation.state import Operation
from domain.bulk_operation.values import Instructions, OperationState
from domain.category import Catalogue
from domain.errors import (
    CategoryAlreadyExists,
    IdempotencyKeyReused,
    OperationHasEnded,
    OperationIsReverted,
    OperationIsUnderWay,
    OperationNotFound,
)
from domain.event_metadata import stamp
from domain.values import CategoryRef, OperationId

Operations = Mapping[OperationId, Operation]


def decide(
    command: OperationCommand, operations: Operations, catalogue: Catalogue, now: datetime
) -> list[OperationEvent]:
    """Say what happens when this command meets a tenant's operations.

    The same command again changes nothing. Raises a Refusal: OperationNotFound, OperationHasEnded,
    OperationIsUnderWay, OperationIsReverted, UnknownCategory, CategoryIsArchived,
    CategoryAlreadyExists (of a split), IdempotencyKeyReused.
    """
    known = operations.get(OperationId(command.metadata.entity_id))
    match command:
        case StartOperation() | RevertOperation() if known is not None:
            if known.fingerprint != command.metadata.fingerprint:
                raise IdempotencyKeyReused("this Idempotency-Key was used for another operation")
            return []
        case StartOperation():
            return [_start(command, catalogue, now)]
        case RevertOperation():
            return _revert(command, operations, now)
        case _:
            return _steer(command, known, now)


def _start(command: StartOperation, catalogue: Catalogue, now: datetime) -> OperationStarted:
    category = command.filter.category
    return OperationStarted(
        metadata=stamp(command.metadata, 0, None, now),
        filter=replace(
            command.filter, category=category and CategoryRef(catalogue.id_of(category))
        ),
        instructions=_resolved(command.instructions, catalogue),
        per_second=command.per_second,
        reverts=None,
        origin=OperationId(command.metadata.entity_id),
        depth=0,
        total=0,
    )


def _resolved(wanted: Instructions, catalogue: Catalogue) -> Instructions:
    """Name every category by id, so that renaming one on the way makes no difference."""
    if wanted.slug is not None and catalogue.find(CategoryRef(wanted.slug)) is not None:
        raise CategoryAlreadyExists(
            f"a category with slug {wanted.slug} exists; choose another slug",
            {"category_id": catalogue.id_of(CategoryRef(wanted.slug))},
        )
    if wanted.kind == "merge_categories":
        catalogue.resolve(wanted.remove)  # one that is archived has been merged already
    return replace(
        wanted,
        categories=tuple(map(CategoryRef, catalogue.resolve(wanted.categories))),
        add=tuple(map(CategoryRef, catalogue.resolve(wanted.add))),
        remove=tuple(CategoryRef(catalogue.id_of(ref)) for ref in wanted.remove),
        parent=wanted.parent and CategoryRef(catalogue.resolve([wanted.parent])[0]),
    )


def _revert(
    command: RevertOperation, operations: Operations, now: datetime
) -> list[OperationEvent]:
    reverted = operations.get(command.reverts)
    if reverted is None:
        raise OperationNotFound(f"no operation {command.reverts}")
    if not reverted.has_ended:
        raise OperationIsUnderWay(
            f"operation {command.reverts} is {reverted.state}; cancel it or wait for its end"
        )
    for other in operations.values():
        if other.reverts == command.reverts and (
            other.state is OperationState.COMPLETED or not other.has_ended
        ):
            raise OperationIsReverted(
                f"operation {other.operation_id} reverts it already",
                {"operation_id": other.operation_id},
            )
    started = OperationStarted(
        metadata=stamp(command.metadata, 0, None, now),
        filter=reverted.filter,
        instructions=reverted.instructions,
        per_second=command.per_second or reverted.per_second,
        reverts=reverted.operation_id,
        origin=reverted.origin,
        depth=reverted.depth + 1,
        total=reverted.possibly_changed,
    )
    if started.total:
        return [started]
    at_once = stamp(command.metadata, 1, started.metadata.happened_at, now, number=1)
    return [
        started,
        OperationEnded(metadata=at_once, state=OperationState.COMPLETED, reason=""),
    ]


def _steer(
    command: PauseOperation | ResumeOperation | CancelOperation | ThrottleOperation,
    operation: Operation | None,
    now: datetime,
) -> list[OperationEvent]:
    if operation is None:
        raise OperationNotFound(f"no operation {command.metadata.entity_id}")
    if command.metadata.command_id in operation.commands:
        return []
    if operation.has_ended:
        if isinstance(command, CancelOperation) and operation.state is OperationState.CANCELLED:
            return []
        raise OperationHasEnded(f"the operation is {operation.state}")
    metadata = stamp(command.metadata, operation.version, operation.updated_at, now)
    match command:
        case PauseOperation():
            is_paused = operation.state is OperationState.PAUSED
            return [] if is_paused else [OperationPaused(metadata=metadata)]
        case ResumeOperation():
            is_running = operation.state is OperationState.RUNNING
            return [] if is_running else [OperationResumed(metadata=metadata)]
        case ThrottleOperation():
            if command.per_second == operation.per_second:
                return []
            return [OperationThrottled(metadata=metadata, per_second=command.per_second)]
        case CancelOperation():
            ended = OperationState.CANCELLED
            return [OperationEnded(metadata=metadata, state=ended, reason="somebody cancelled it")]
        case _:
            assert_never(command)
