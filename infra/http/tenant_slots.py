"""Slots for long work, shared so that no tenant can take them all.

A tenant gets a place as long as it holds fewer than are free. So one that is alone gets half of
them, two that want as many as they can get leave a quarter, and whoever comes next finds one.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from domain.values import TenantId
from infra.errors import Overloaded

_MOST_WAITING = 4  # for each place


class TenantSlots:
    """So many at once; ``what`` names them in the plural. For one event loop.

    ``wait_seconds`` is how long ``wait_for_slot`` waits at most, None as long as it takes.
    ``most_waiting`` may wait at once, four for each place if it is not said.
    """

    def __init__(
        self,
        most: int,
        what: str,
        *,
        wait_seconds: float | None = 0.0,
        most_waiting: int | None = None,
    ) -> None:
        self._most = most
        self._what = what
        self._wait_seconds = wait_seconds
        self._most_waiting = most * _MOST_WAITING if most_waiting is None else most_waiting
        self._held: Counter[TenantId] = Counter()
        self._waiting: dict[asyncio.Future[None], TenantId] = {}
        self.taken = 0

    @property
    def has_waiters(self) -> bool:
        """Whether somebody waits for a place."""
        return bool(self._waiting)

    @contextmanager
    def take(self, tenant_id: TenantId) -> Iterator[None]:
        """Hold a place; raises Overloaded."""
        if not self._has_one_for(tenant_id):
            raise self._overloaded()
        self._hold(tenant_id)
        try:
            yield
        finally:
            self._let_go(tenant_id)

    @asynccontextmanager
    async def wait_for_slot(self, tenant_id: TenantId) -> AsyncIterator[None]:
        """Hold a place as soon as there is one; raises Overloaded when that takes too long.

        Who may wait is decided by the same rule.
        """
        if self._has_one_for(tenant_id):
            self._hold(tenant_id)
        else:
            await self._wait_in_line(tenant_id)
        try:
            yield
        finally:
            self._let_go(tenant_id)

    async def _wait_in_line(self, tenant_id: TenantId) -> None:
        """Wait in line; when it returns the place is held, when it raises it is not."""
        theirs = sum(each == tenant_id for each in self._waiting.values())
        if theirs >= self._most_waiting - len(self._waiting):
            raise self._overloaded()
        waiter = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = tenant_id
        try:
            async with asyncio.timeout(self._wait_seconds):
                await waiter
        except BaseException as error:
            self._waiting.pop(waiter, None)
            if waiter.done() and not waiter.cancelled():  # it came in the very moment
                self._let_go(tenant_id)
            if isinstance(error, TimeoutError):
                raise self._overloaded() from None
            raise

    def _has_one_for(self, tenant_id: TenantId) -> bool:
        return self._held[tenant_id] < self._most - self.taken

    def _hold(self, tenant_id: TenantId) -> None:
        self._held[tenant_id] += 1
        self.taken += 1

    def _let_go(self, tenant_id: TenantId) -> None:
        self.taken -= 1
        self._held[tenant_id] -= 1
        if not self._held[tenant_id]:
            del self._held[tenant_id]
        while waiting := [each for each in self._waiting.items() if not each[0].done()]:
            # Of those who wait the one whose tenant holds least, and who came first.
            waiter, next_tenant_id = min(waiting, key=lambda each: self._held[each[1]])
            if not self._has_one_for(next_tenant_id):
                return
            del self._waiting[waiter]
            self._hold(next_tenant_id)
            waiter.set_result(None)

    def _overloaded(self) -> Overloaded:
        return Overloaded(f"too many {self._what} are under way")
