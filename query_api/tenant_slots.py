"""Slots for reading history: a few, shared between the tenants."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.values import TenantId


class TenantSlots:
    """A number of slots; a tenant holds at most ``per_tenant``, and never more than are still free.

    So one tenant leaves slots to the next, which leaves some to the one after it. Who finds none
    waits in the queue of its tenant; tenants are served in turn.
    """

    def __init__(self, total: int, per_tenant: int) -> None:
        self._free = total
        self._per_tenant = per_tenant
        self._held: Counter[TenantId] = Counter()
        self._waiting: OrderedDict[TenantId, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for a slot."""
        return bool(self._waiting)

    @asynccontextmanager
    async def slot(self, tenant_id: TenantId) -> AsyncIterator[None]:
        """Wait for a slot of this tenant, and hold it."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant_id, deque()).append(turn)
        self._hand_out()
        try:
            await turn
        except asyncio.CancelledError:
            self._leave(tenant_id, turn)
            raise
        try:
            yield
        finally:
            self._give_back(tenant_id)

    def _hand_out(self) -> None:
        """Give the free slots to those who may have one, tenant after tenant."""
        is_done = False
        while not is_done:
            is_done = True
            for tenant_id in list(self._waiting):
                if self._held[tenant_id] < min(self._per_tenant, self._free):
                    self._free -= 1
                    self._held[tenant_id] += 1
                    self._next_of(tenant_id).set_result(None)
                    is_done = False

    def _next_of(self, tenant_id: TenantId) -> "asyncio.Future[None]":
        queue = self._waiting[tenant_id]
        turn = queue.popleft()
        if queue:
            self._waiting.move_to_end(tenant_id)
        else:
            del self._waiting[tenant_id]
        return turn

    def _leave(self, tenant_id: TenantId, turn: "asyncio.Future[None]") -> None:
        """Give up while waiting; the turn may have come in the same moment."""
        if turn.done() and not turn.cancelled():
            self._give_back(tenant_id)
            return
        queue = self._waiting[tenant_id]
        queue.remove(turn)
        if not queue:
            del self._waiting[tenant_id]

    def _give_back(self, tenant_id: TenantId) -> None:
        self._free += 1
        self._held[tenant_id] -= 1
        self._held += Counter()  # tenants that hold nothing are forgotten
        self._hand_out()
