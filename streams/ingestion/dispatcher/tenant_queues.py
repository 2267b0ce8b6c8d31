"""Tenant queues: served in turn, and no tenant exceeds its share."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from domain.asset.runs import EventOffset
from domain.values import AssetId, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedRun:
    """A run that waits for admission, or was just admitted; its event is at ``event_offset``."""

    tenant_id: TenantId
    asset_id: AssetId
    is_bulk: bool
    event_offset: EventOffset


class TenantQueues:
    """The queued runs of one priority: of each tenant and partition the oldest first."""

    def __init__(self, per_tenant: int, total: int | None) -> None:
        self._per_tenant = per_tenant
        self._total = total
        self._queues: dict[TenantId, dict[int, deque[QueuedRun]]] = {}
        self._admitted: Counter[TenantId] = Counter()
        self.waiting = 0

    def enqueue(self, queued_run: QueuedRun, *, first: bool = False) -> None:
        """Queue a run behind all others of its tenant, or before them."""
        queues = self._queues.setdefault(queued_run.tenant_id, {})
        queue = queues.setdefault(queued_run.event_offset[0], deque())
        (queue.appendleft if first else queue.append)(queued_run)
        self.waiting += 1

    def take(self, at_most: int, is_superseded: Callable[[QueuedRun], bool]) -> list[QueuedRun]:
        """Admit one run of each tenant, then another one; a tenant that was served goes last.

        A run counts for its tenant until ``release``; a superseded one is dropped.
        """
        if self._total is not None:
            at_most = min(at_most, self._total - self._admitted.total())
        taken: list[QueuedRun] = []
        tenants = deque(self._queues)
        while tenants and len(taken) < at_most:
            tenant_id = tenants.popleft()
            if self._admitted[tenant_id] >= self._per_tenant:
                continue
            queued_run = self._next(tenant_id)
            if not is_superseded(queued_run):
                taken.append(queued_run)
                self._admitted[tenant_id] += 1
            if tenant_id in self._queues:
                tenants.append(tenant_id)
        return taken

    def release(self, tenant_id: TenantId) -> None:
        """Note that one admitted run of the tenant is over."""
        self._admitted[tenant_id] -= 1
        if not self._admitted[tenant_id]:
            del self._admitted[tenant_id]

    def oldest_waiting(self, partition: int) -> int | None:
        """Return the offset of the first event in a partition whose run is queued here."""
        firsts = [
            queues[partition][0].event_offset[1]
            for queues in self._queues.values()
            if partition in queues
        ]
        return min(firsts, default=None)

    def forget(self, partition: int) -> None:
        """Drop the queued runs of one partition."""
        for tenant_id, queues in list(self._queues.items()):
            self.waiting -= len(queues.pop(partition, ()))
            if not queues:
                del self._queues[tenant_id]

    def _next(self, tenant_id: TenantId) -> QueuedRun:
        queues = self._queues.pop(tenant_id)
        partition = next(iter(queues))
        queue = queues.pop(partition)
        queued_run = queue.popleft()
        self.waiting -= 1
        if queue:
            queues[partition] = queue
        if queues:
            self._queues[tenant_id] = queues
        return queued_run
