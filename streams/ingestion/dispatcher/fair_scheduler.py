"""The fair scheduler: which run is admitted next, single inserts before bulk, tenants in turn."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.asset.events import AssetEvent, AssetSubmitted
from domain.asset.runs import EventOffset, RunStarted, run_transition
from domain.values import AssetId
from streams.ingestion.dispatcher.tenant_queues import QueuedRun, TenantQueues


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionLimits:
    """How many runs may be admitted at once: of one tenant, single and bulk apart; of all bulk.

    After ``lease`` an admission expires: the run was lost, or its source is slow beyond measure.
    """

    per_tenant: int
    bulk: int
    lease: timedelta


class FairScheduler:
    """A fold of asset events that queues the runs that start, and admits them.

    Of a queued run only its asset and the offset of its event are kept, some two hundred bytes,
    because the log keeps the rest. A run is admitted as long as it is under way; whatever ends it
    makes room for the next.
    """

    def __init__(self, limits: AdmissionLimits) -> None:
        self._lease = limits.lease
        self._single = TenantQueues(limits.per_tenant, None)
        self._bulk = TenantQueues(limits.per_tenant, limits.bulk)
        self._admitted: dict[AssetId, tuple[QueuedRun, datetime]] = {}
        self._superseded: dict[int, dict[AssetId, int]] = {}

    @property
    def waiting(self) -> int:
        """Count the queued runs."""
        return self._single.waiting + self._bulk.waiting

    @property
    def admitted(self) -> int:
        """Count the admitted runs."""
        return len(self._admitted)

    def is_admitted(self, asset_id: AssetId) -> bool:
        """Return True if a run of this asset is admitted: it has neither ended nor expired."""
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
        """Admit the next runs; those that were superseded while they waited are dropped."""
        self._expire(now)
        runs = self._single.take(at_most, self._is_superseded)
        runs += self._bulk.take(at_most - len(runs), self._is_superseded)
        for queued_run in runs:
            self._admitted[queued_run.asset_id] = (queued_run, now)
        return runs

    def requeue(self, runs: Iterable[QueuedRun]) -> None:
        """Queue admitted runs again, before all others of their tenant: they were not enqueued."""
        for queued_run in reversed(list(runs)):
            self._free(queued_run.asset_id)
            self._queues_of(queued_run).enqueue(queued_run, first=True)

    def oldest_waiting(self, partition: int) -> int | None:
        """Return the offset of the first event in a partition whose run is queued."""
        firsts = (queues.oldest_waiting(partition) for queues in (self._single, self._bulk))
        oldest = min((first for first in firsts if first is not None), default=None)
        superseded = self._superseded.get(partition, {})
        for asset_id in list(superseded):  # by offset; no queued run precedes the first
            if oldest is not None and superseded[asset_id] > oldest:
                break
            del superseded[asset_id]
        return oldest

    def forget(self, partition: int) -> None:
        """Drop the runs of a partition that is assigned to another member now."""
        self._superseded.pop(partition, None)
        for queues in (self._single, self._bulk):
            queues.forget(partition)
        for asset_id, (queued_run, _) in list(self._admitted.items()):
            if queued_run.event_offset[0] == partition:
                self._free(asset_id)

    def _supersede(self, event: AssetEvent, event_offset: EventOffset) -> None:
        """Note that every earlier run of the event's asset is superseded."""
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
