"""The events of bulk operations, which have a topic of their own."""

from dataclasses import dataclass

from domain.bulk_operation.values import (
    Counts,
    Filter,
    Instructions,
    ItemOutcome,
    OperationState,
    RefusalCount,
)
from domain.events import Event
from domain.values import OperationId


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationStarted(Event):
    """A bulk operation was begun; ``origin`` is the first of those that revert each other.

    ``depth`` counts the reverts since then. A revert knows its ``total`` from the start.
    """

    filter: Filter
    instructions: Instructions
    per_second: int
    reverts: OperationId | None
    origin: OperationId
    depth: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSelected(Event):
    """More of the assets to be changed are known; ``after`` is where the search goes on."""

    items: tuple[str, ...]
    after: str
    total: int
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationProgressed(Event):
    """The next few items were dealt with; counts are of all since the start."""

    outcomes: tuple[ItemOutcome, ...]
    counts: Counts
    refusals: tuple[RefusalCount, ...]
    per_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationPaused(Event):
    """An operation was held where it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationResumed(Event):
    """A paused operation went on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationThrottled(Event):
    """An operation got another limit of assets a second."""

    per_second: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationEnded(Event):
    """An operation came to its end: completed, failed for a reason, or cancelled."""

    state: OperationState
    reason: str


OperationEvent = (
    OperationStarted
    | OperationSelected
    | OperationProgressed
    | OperationPaused
    | OperationResumed
    | OperationThrottled
    | OperationEnded
)
