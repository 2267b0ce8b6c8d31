"""Whose work is ordered next: single inserts before bulk, and one tenant after the other."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.asset.events import AssetEvent, AssetSubmitted
from domain.asset.runs import EventOffset, RunStarted, run_transition
from domain.values import AssetId
from streams.ingestion.dispatcher.tenant_queues import QueuedRun, TenantQueues


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionLimits:
    """How many runs may be under way: of one tenant, single and bulk apart, and of all bulk.

    After ``lease`` a run no longer counts: it was lost, or its source is slow beyond measure.
    """

    per_tenant: int
    bulk: int
    lease: timedelta


class FairScheduler:
    """A fold of asset-events that says which runs wait for their turn, and hands turns out.

    Of a run that waits only its asset and the place of its event are kept, some two hundred bytes,
    because the log keeps the rest. A run has its turn as long as it is under way; whatever ends it
    gives the turn to the next.
    """

    def __init__(self, limits: AdmissionLimits) -> None:
        self._lease = limits.lease
        self._single = TenantQueues(limits.per_tenant, None)
        self._bulk = TenantQueues(limits.per_tenant, limits.bulk)
        self._admitted: dict[AssetId, tuple[QueuedRun, datetime]] = {}
        self._superseded: dict[int, dict[AssetId, int]] = {}

    @property
    def waiting(self) -> int:
        """Count the runs that wait."""
        return self._single.waiting + self._bulk.waiting

    @property
    def admitted(self) -> int:
        """Count the runs that have their turn."""
        return len(self._admitted)

    def is_admitted(self, asset_id: AssetId) -> bool:
        """Whether a run of this asset was ordered not long ago and has not ended."""
        return asset_id in self._admitted

    def apply(self, event: AssetEvent, event_offset: EventOffset) -> None:
        """Fold the next event of a partition: a run that starts is queued.

        Whatever else changes a run frees its admission; so does a delay, since a run that waits in
        a retry topic needs none.
        """
        transition = run_transition(event)
        if transition is None:
            return
        self._supersede(event, event_offset)
        if isinstance(transition, RunStarted):
            queued_run = QueuedRun(
                tenant_id=event.metadata.tenant_id,
                asset_id=event.asset_id,
                is_bulk=transition.is_bulk,
                event_offset=event_offset,
            )
            self._queues_of(queued_run).enqueue(queued_run)

    def take(self, at_most: int, now: datetime) -> list[QueuedRun]:
        """Hand out turns; what ended or was replaced while it waited gets none."""
        self._expire(now)
        runs = self._single.take(at_most, self._is_superseded)
        runs += self._bulk.take(at_most - len(runs), self._is_superseded)
        for queued_run in runs:
            self._admitted[queued_run.asset_id] = (queued_run, now)
        return runs

    def requeue(self, runs: Iterable[QueuedRun]) -> None:
        """Let turns that could not be used wait again, before all others of their tenant."""
        for queued_run in reversed(list(runs)):
            self._free(queued_run.asset_id)
            self._queues_of(queued_run).enqueue(queued_run, first=True)

    def oldest_waiting(self, partition: int) -> int | None:
        """Give the offset of the first event in a partition whose run waits."""
        firsts = (queues.oldest_waiting(partition) for queues in (self._single, self._bulk))
        oldest = min((first for first in firsts if first is not None), default=None)
        superseded = self._superseded.get(partition, {})
        for asset_id in list(
            superseded
        ):  # in order of offsets; nothing that waits precedes the first
            if oldest is not None and superseded[asset_id] > oldest:
                break
            del superseded[asset_id]
        return oldest

    def forget(self, partition: int) -> None:
        """Let go of a partition that belongs to somebody else now."""
        self._superseded.pop(partition, None)
        for queues in (self._single, self._bulk):
            queues.forget(partition)
        for asset_id, (queued_run, _) in list(self._admitted.items()):
            if queued_run.event_offset[0] == partition:
                self._free(asset_id)

    def _supersede(self, event: AssetEvent, event_offset: EventOffset) -> None:
        """Note that nothing before this event is to be done for its asset any more."""
        if event.asset_id in self._admitted:
            self._free(event.asset_id)
        elif not isinstance(event, AssetSubmitted):  # nothing precedes that one
            superseded = self._superseded.setdefault(event_offset[0], {})
            superseded.pop(event.asset_id, None)
            superseded[event.asset_id] = event_offset[1]

    def _expire(self, now: datetime) -> None:
        while self._admitted:
            asset_id, (_, since) = next(iter(self._admitted.items()))
            if now - since < self._lease:
                return
            self._free(asset_id)

    def _is_superseded(self, queued_run: QueuedRun) -> bool:
        partition, offset = queued_run.event_offset
        return offset < self._superseded.get(partition, {}).get(queued_run.asset_id, 0)

    def _free(self, asset_id: AssetId) -> None:
        queued_run, _ = self._admitted.pop(asset_id)
        self._queues_of(queued_run).release(queued_run.tenant_id)

    def _queues_of(self, queued_run: QueuedRun) -> TenantQueues:
        return self._bulk if queued_run.is_bulk else self._single
