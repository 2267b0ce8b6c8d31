"""The operation executor: selects items, sends their commands, notes the outcomes."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from avro_schemas.errors import KeysLost
from domain.bulk_operation import Operation, evolve
from domain.bulk_operation.events import OperationEvent
from domain.bulk_operation.progress import CATEGORY_ITEM, progress_events, selection_events
from domain.bulk_operation.selection import matches
from domain.bulk_operation.state import MAX_ITEMS_IN_FLIGHT
from domain.bulk_operation.values import ItemOutcome
from domain.values import OperationId
from infra.errors import (
    BrokerUnavailable,
    Overloaded,
    StoreUnavailable,
    ViewNotBuilt,
    ViewsMissing,
)
from infra.failpoints import pass_by
from read_models.asset_history.projection import ASSET_HISTORY
from read_models.assets_by_shard.projection import ASSETS_BY_SHARD
from read_models.assets_by_shard.queries import AssetScan
from read_models.view import View
from streams.bulk_operations.item_executor import ItemExecutor
from streams.bulk_operations.operation_decider import OperationDecider
from streams.bulk_operations.operation_pace import OperationPace, batch_size
from streams.bulk_operations.tracked_operations import TrackedOperation
from streams.bulk_operations.view_barrier import ViewBarrier

_CHUNK = 500
_IDLE_SECONDS = 0.2

log = logging.getLogger(__name__)


class OperationExecutor:
    """Goes on with every operation that is ours and runs, each at its own pace.

    Of each at most 100 commands are under way at a time, so single customers' commands wait behind
    few of them. The outcomes of a batch are noted once all are known; when the process dies before
    that, the batch is sent again and each command has the same outcome. Trouble with a view delays
    only the operation that needs it, and so does a fault of ours.
    """

    def __init__(
        self,
        decider: OperationDecider,
        items: ItemExecutor,
        scan: AssetScan,
        new_barrier: Callable[[View], ViewBarrier],
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._decider = decider
        self._items = items
        self._candidates = scan
        self._new_barrier = new_barrier
        self._now = now
        self._clock = clock
        self._paces: dict[OperationId, OperationPace] = {}
        self._barriers: dict[OperationId, ViewBarrier] = {}

    async def step(self) -> int:
        """Decide commands, and do one batch of each operation that is due; count its items.

        Raises BrokerUnavailable; then the decider must recover.
        """
        await asyncio.to_thread(self._decider.step, self._idle_seconds())
        done = 0
        tracked_operations = self._running()
        self._forget_all_but({tracked.operation.operation_id for tracked in tracked_operations})
        for tracked in tracked_operations:
            pace = self._pace(tracked)
            if pace.next_at > self._clock():
                continue
            try:
                done += await self._go_on(tracked, pace)
            except (StoreUnavailable, ViewsMissing, ViewNotBuilt, Overloaded) as trouble:
                log.warning("operation %s waits: %s", tracked.operation.operation_id, trouble)
                pace.back_off(self._clock())
            except (BrokerUnavailable, KeysLost):
                raise
            except Exception:  # one operation must not stop the others
                log.exception("operation %s waits", tracked.operation.operation_id)
                pace.back_off(self._clock())
        return done

    def _running(self) -> list[TrackedOperation]:
        return [each for each in self._decider.under_way() if each.operation.state == "running"]

    def _idle_seconds(self) -> float:
        """Say how long nothing is due; commands are looked for five times a second."""
        waits = [self._pace(tracked).next_at - self._clock() for tracked in self._running()]
        return max(0.0, min([_IDLE_SECONDS, *waits]))

    def _pace(self, tracked: TrackedOperation) -> OperationPace:
        return self._paces.setdefault(
            tracked.operation.operation_id, OperationPace(next_at=self._clock())
        )

    def _forget_all_but(self, running: set[OperationId]) -> None:
        for known in (self._paces, self._barriers):
            for operation_id in known.keys() - running:
                del known[operation_id]

    async def _go_on(self, tracked: TrackedOperation, pace: OperationPace) -> int:
        operation = tracked.operation
        began_at = self._clock()
        is_walking = not operation.is_selected and not operation.filter.asset_ids
        needs_view = operation.reverts is not None or is_walking
        if needs_view and not await self._shows_all(operation):
            pace.back_off(self._clock())
            return 0
        if not operation.is_selected:
            events = await self._search(operation)
            await asyncio.to_thread(self._decider.note, tracked, events)
            return 0
        outcomes = await self._execute_batch(tracked)
        if not outcomes:
            pace.back_off(self._clock())
            return 0
        pass_by("operator.after_ask_before_note")
        pace.record_batch(len(outcomes), operation.per_second, began_at, self._clock())
        events = progress_events(operation, outcomes, per_minute=pace.per_minute, now=self._now())
        await asyncio.to_thread(self._decider.note, tracked, events)
        pass_by("operator.after_note")
        return len(outcomes)

    async def _shows_all(self, operation: Operation) -> bool:
        view = ASSETS_BY_SHARD if operation.reverts is None else ASSET_HISTORY
        barrier = self._barriers.get(operation.operation_id)
        if barrier is None:
            barrier = self._barriers[operation.operation_id] = self._new_barrier(view)
        return await barrier.is_open()

    async def _search(self, operation: Operation) -> list[OperationEvent]:
        """Find the next few hundred assets; a split's category comes first, a merge's last."""
        kind = operation.instructions.kind
        if kind == "split_category" and operation.total == 0:
            return selection_events(
                operation, [CATEGORY_ITEM], after="", is_last=False, now=self._now()
            )
        found, after = await self._found(operation)
        if after or kind != "merge_categories":
            return selection_events(
                operation, found, after=after, is_last=not after, now=self._now()
            )
        events = selection_events(operation, found, after=after, is_last=False, now=self._now())
        grown = evolve(operation, events[0]) or operation
        return events + selection_events(
            grown, [CATEGORY_ITEM], after=after, is_last=True, now=self._now()
        )

    async def _found(self, operation: Operation) -> tuple[list[str], str]:
        wanted = operation.filter
        if wanted.asset_ids:
            return list(wanted.asset_ids), ""
        found: list[str] = []
        after = operation.after
        while True:
            page = await self._candidates.page(operation.tenant_id, after)
            found += [each.asset_id for each in page.candidates if matches(wanted, each)]
            after = page.after
            if not after or len(found) >= _CHUNK:
                return found, after

    async def _execute_batch(self, tracked: TrackedOperation) -> Sequence[ItemOutcome]:
        """Execute the next few items concurrently; nothing when some have no outcome yet."""
        left = await asyncio.to_thread(self._decider.items, tracked)
        items = left[: batch_size(tracked.operation.per_second, MAX_ITEMS_IN_FLIGHT)]
        found = await asyncio.gather(
            *(self._items.execute(tracked.operation, item) for item in items)
        )
        outcomes = [outcome for outcome in found if outcome is not None]
        return outcomes if len(outcomes) == len(items) else []
