"""Tracked operations: the state of each, and where its items lie in the log."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from domain.bulk_operation import Operation, evolve
from domain.bulk_operation.events import OperationEvent, OperationSelected, OperationStarted
from domain.values import OperationId, TenantId
from infra.decider_runtime.broken_histories import history_gap
from infra.kafka.topics import OPERATION_EVENTS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChunk:
    """The first ``count`` items of the OperationSelected at an offset of operation-events."""

    offset: int
    count: int


@dataclass(slots=True, kw_only=True)
class TrackedOperation:
    """One operation, and its chunks in the order in which they are dealt with.

    The items themselves stay in the log, so an operation takes the same little memory however many
    assets it changes; ``loaded`` has those of the chunk that is being dealt with.
    """

    operation: Operation
    partition: int
    chunks: list[ItemChunk] = field(default_factory=list)
    loaded: tuple[ItemChunk, list[str]] | None = None

    def next_chunk(self) -> tuple[ItemChunk, int]:
        """Say in which chunk the next item lies, and at which place of it."""
        left = self.operation.counts.processed
        for chunk in self.chunks:
            if left < chunk.count:
                return chunk, left
            left -= chunk.count
        raise LookupError(f"{self.operation.operation_id} has no item left")


class TrackedOperations:
    """All operations of one partition of operation-events, folded from it in order.

    ``broken`` says of which nothing is decided any more, and why: an event of theirs cannot be
    read, or does not follow the one before it. They are not under way either.
    """

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self.broken: dict[str, str] = {}
        self._tracked: dict[TenantId, dict[OperationId, TrackedOperation]] = {}

    def of(self, tenant_id: TenantId) -> dict[OperationId, Operation]:
        """Give the operations of a tenant."""
        found = self._tracked.get(tenant_id, {})
        return {operation_id: tracked.operation for operation_id, tracked in found.items()}

    def under_way(self) -> Iterator[TrackedOperation]:
        """Go through those that have not ended."""
        for tracked_operations in self._tracked.values():
            for tracked in tracked_operations.values():
                operation = tracked.operation
                if not operation.has_ended and operation.operation_id not in self.broken:
                    yield tracked

    def take_in(self, event: OperationEvent, offset: int) -> None:
        """Fold the next event, which lies at an offset."""
        metadata = event.metadata
        if metadata.entity_id in self.broken:
            return
        ours = self._tracked.setdefault(metadata.tenant_id, {})
        operation_id = OperationId(metadata.entity_id)
        known = ours.get(operation_id)
        place = f"{OPERATION_EVENTS.name}:{self._partition}:{offset}"
        if wrong := history_gap(known.operation.version if known else 0, metadata, place):
            self.mark_broken(metadata.entity_id, wrong)
            return
        operation = evolve(known.operation if known else None, event)
        if operation is None:
            return
        if known is None:
            known = TrackedOperation(operation=operation, partition=self._partition)
            ours[operation_id] = known
        known.operation = operation
        if operation.has_ended:
            known.loaded = None
        if isinstance(event, OperationSelected) and event.items:
            known.chunks.append(ItemChunk(offset=offset, count=len(event.items)))
        if isinstance(event, OperationStarted) and event.reverts in ours:
            known.chunks = _backwards(ours[event.reverts].chunks, event.total)

    def mark_broken(self, entity_id: str, reason: str) -> None:
        """Let nothing be decided about an operation, or done for it, any more."""
        log.critical("nothing is decided about operation %s any more: %s", entity_id, reason)
        self.broken.setdefault(entity_id, reason)


def _backwards(chunks: list[ItemChunk], total: int) -> list[ItemChunk]:
    """Take the first ``total`` items, the last chunk first: what was done last is undone first."""
    taken: list[ItemChunk] = []
    for chunk in chunks:
        count = min(chunk.count, total)
        if count:
            taken.insert(0, replace(chunk, count=count))
        total -= count
    return taken
