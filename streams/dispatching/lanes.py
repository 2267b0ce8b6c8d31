"""Fair queues: one tenant after the other, and none that holds too much already."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from domain.values import AssetId, TenantId

Place = tuple[int, int]  # partition of asset-events, offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One run whose work is to be ordered now; its event lies at ``place``."""

    tenant_id: TenantId
    asset_id: AssetId
    is_bulk: bool
    place: Place


class Lane:
    """What waits in one priority: of each tenant and partition the oldest first."""

    def __init__(self, per_tenant: int, total: int | None) -> None:
        self._per_tenant = per_tenant
        self._total = total
        self._queues: dict[TenantId, dict[int, deque[Turn]]] = {}
        self._held: Counter[TenantId] = Counter()
        self.waiting = 0

    def wait(self, turn: Turn, *, first: bool = False) -> None:
        """Let a run wait behind all others of its tenant, or before them."""
        queues = self._queues.setdefault(turn.tenant_id, {})
        queue = queues.setdefault(turn.place[0], deque())
        (queue.appendleft if first else queue.append)(turn)
        self.waiting += 1

    def take(self, at_most: int, is_moot: Callable[[Turn], bool]) -> list[Turn]:
        """Hand out one of each tenant, then another one; whoever was served stands last.

        The tenant holds a turn until ``leave``; what is moot is dropped.
        """
        if self._total is not None:
            at_most = min(at_most, self._total - self._held.total())
        taken: list[Turn] = []
        tenants = deque(self._queues)
        while tenants and len(taken) < at_most:
            tenant_id = tenants.popleft()
            if self._held[tenant_id] >= self._per_tenant:
                continue
            turn = self._next(tenant_id)
            if not is_moot(turn):
                taken.append(turn)
                self._held[tenant_id] += 1
            if tenant_id in self._queues:
                tenants.append(tenant_id)
        return taken

    def leave(self, tenant_id: TenantId) -> None:
        """Take back one turn that the tenant held."""
        self._held[tenant_id] -= 1
        if not self._held[tenant_id]:
            del self._held[tenant_id]

    def oldest_waiting(self, partition: int) -> int | None:
        """Give the offset of the first event in a partition whose run waits here."""
        firsts = [
            queues[partition][0].place[1] for queues in self._queues.values() if partition in queues
        ]
        return min(firsts, default=None)

    def forget(self, partition: int) -> None:
        """Drop what waits of one partition."""
        for tenant_id, queues in list(self._queues.items()):
            self.waiting -= len(queues.pop(partition, ()))
            if not queues:
                del self._queues[tenant_id]

    def _next(self, tenant_id: TenantId) -> Turn:
        queues = self._queues.pop(tenant_id)
        partition = next(iter(queues))
        queue = queues.pop(partition)
        turn = queue.popleft()
        self.waiting -= 1
        if queue:
            queues[partition] = queue
        if queues:
            self._queues[tenant_id] = queues
        return turn
