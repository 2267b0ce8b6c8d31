"""Progress of an operation: items are selected, then settled, then it ends."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from domain.bulk_operation.events import (
    OperationEnded,
    OperationEvent,
    OperationProgressed,
    OperationSelected,
)
from domain.bulk_operation.state import Operation
from domain.bulk_operation.values import Counts, ItemOutcome, OperationState, RefusalCount
from domain.commands import CommandMetadata
from domain.event_metadata import stamp
from domain.events import EventMetadata
from domain.identity import progress_command_id
from domain.values import Actor, CorrelationId

CATEGORY_ITEM = "category"  # stands among the items for the category that a merge or split makes

_OPERATOR = Actor("system:operator")


def selection_events(
    operation: Operation, items: Sequence[str], *, after: str, is_last: bool, now: datetime
) -> list[OperationEvent]:
    """Note more items; when none was found at all the operation has ended."""
    total = operation.total + len(items)
    found = OperationSelected(
        metadata=_metadata(operation, now),
        items=tuple(items),
        after=after,
        total=total,
        is_last=is_last,
    )
    if is_last and total == 0:
        return [found, _ended(operation, OperationState.COMPLETED, "", now)]
    return [found]


def progress_events(
    operation: Operation, outcomes: Sequence[ItemOutcome], *, per_minute: int, now: datetime
) -> list[OperationEvent]:
    """Note what became of the next items; after the last one the operation has ended.

    When its category could not be opened or archived it has failed, and goes no further.
    """
    found = Counter(outcome.result for outcome in outcomes)
    before = operation.counts
    counts = Counts(
        changed=before.changed + found["changed"],
        unchanged=before.unchanged + found["unchanged"],
        conflicts=before.conflicts + found["conflict"],
        refused=before.refused + found["refused"],
    )
    refusals = Counter({each.code: each.items for each in operation.refusals})
    refusals.update(outcome.code for outcome in outcomes if outcome.result == "refused")
    events: list[OperationEvent] = [
        OperationProgressed(
            metadata=_metadata(operation, now),
            outcomes=tuple(outcomes),
            counts=counts,
            refusals=tuple(
                RefusalCount(code=code, items=items) for code, items in sorted(refusals.items())
            ),
            per_minute=per_minute,
        )
    ]
    broken = [o for o in outcomes if o.item == CATEGORY_ITEM and o.result == "refused"]
    if broken:
        reason = f"its category: {broken[0].code}: {broken[0].detail}"
        events.append(_ended(operation, OperationState.FAILED, reason, now))
    elif operation.is_selected and counts.processed >= operation.total:
        events.append(_ended(operation, OperationState.COMPLETED, "", now))
    return events


def _ended(
    operation: Operation, state: OperationState, reason: str, now: datetime
) -> OperationEnded:
    return OperationEnded(metadata=_metadata(operation, now, number=1), state=state, reason=reason)


def _metadata(operation: Operation, now: datetime, number: int = 0) -> EventMetadata:
    """Mark the number-th event of a step; each is a version and a microsecond further."""
    command = CommandMetadata.from_system(
        _OPERATOR,
        progress_command_id(operation.operation_id, operation.version),
        tenant_id=operation.tenant_id,
        entity_id=operation.operation_id,
        correlation_id=CorrelationId(operation.operation_id),
        now=now,
    )
    first = stamp(command, operation.version, operation.updated_at, now)
    if number == 0:
        return first
    return stamp(command, first.entity_version, first.happened_at, now, number)
