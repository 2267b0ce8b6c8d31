"""Job slots: how many jobs run at once, in all, for one tenant and for one host."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

from domain.asset.jobs import ImageJob
from streams.outbound_http.keyed_rate_limit import KeyedRateLimit

_KEPT_FROM_BULK = 4  # one of so many slots
_KEPT_FROM_EACH_TENANT = 4  # likewise, of all slots and of those for bulk


class HostBusy(Exception):
    """Too much is waiting for this host; try later."""


class JobSlots:
    """A few slots for all jobs, fewer for those of one host, and a limit to how long one waits.

    A job waits for its host first, so that those of a slow host keep no slot from others; and it
    gives up in time, or all that waits for a dead host would fill the window of every partition.
    Some slots are kept from bulk, so that a picture on its own need not wait for one of those, and
    some from each tenant, so that sources that are slow or silent hold up nobody else's.
    """

    def __init__(self, *, total: int, per_host: int, patience_seconds: float) -> None:
        bulk = max(1, total - total // _KEPT_FROM_BULK)
        self._total = asyncio.Semaphore(total)
        self._bulk = asyncio.Semaphore(bulk)
        of_tenant = total - total // _KEPT_FROM_EACH_TENANT
        bulk_of_tenant = min(bulk - bulk // _KEPT_FROM_EACH_TENANT, of_tenant - 1)
        self._tenants = KeyedRateLimit(of_tenant)
        self._tenants_bulk = KeyedRateLimit(max(1, bulk_of_tenant))
        self._hosts = KeyedRateLimit(per_host)
        self._patience_seconds = patience_seconds
        self.active = 0

    @asynccontextmanager
    async def hold(self, job: ImageJob) -> AsyncIterator[None]:
        """Hold what a job needs; raises HostBusy when its host has nothing free in time."""
        host = _host(job)
        async with AsyncExitStack() as stack:
            if host:
                try:
                    async with asyncio.timeout(self._patience_seconds):
                        await stack.enter_async_context(self._hosts.slot(host))
                except TimeoutError:
                    raise HostBusy(f"too many downloads wait for {host}") from None
            if job.is_bulk:
                await stack.enter_async_context(self._tenants_bulk.slot(job.tenant_id))
            await stack.enter_async_context(self._tenants.slot(job.tenant_id))
            if job.is_bulk:
                await stack.enter_async_context(self._bulk)
            await stack.enter_async_context(self._total)
            self.active += 1
            try:
                yield
            finally:
                self.active -= 1


def _host(job: ImageJob) -> str | None:
    if job.source is None or job.source.url is None:
        return None
    try:
        return (urlsplit(job.source.url).hostname or "").rstrip(".")
    except ValueError:
        return None  # no URL at all: the fetcher will say so
