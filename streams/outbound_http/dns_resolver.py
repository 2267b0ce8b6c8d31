"""The DNS resolver: its interface, and the one of this machine."""

import asyncio
import socket
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from threading import Thread
from typing import Protocol

from domain.source_url.addresses import Address
from domain.values import TenantId


class Resolver(Protocol):
    """Something that knows the addresses of names."""

    async def lookup(self, host: str, tenant_id: TenantId) -> Sequence[Address]:
        """Return every address of the host, the preferred one first.

        A final dot makes the name absolute. ``tenant_id`` says on whose behalf it is asked. Raises
        OSError when there is none or DNS is silent.
        """


@dataclass(slots=True, eq=False)
class _Lookup:
    """One question to DNS, and how many callers wait for its answer."""

    host: str
    tenant_id: TenantId
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[list[Address] | OSError] = field(init=False)
    callers: int = 0
    is_running: bool = False
    is_abandoned: bool = False

    def __post_init__(self) -> None:
        self.answer = self.loop.create_future()


class SystemResolver:
    """The resolver of this machine; each look-up runs in a daemon thread of its own.

    getaddrinfo cannot be interrupted. When DNS is silent its thread stays for as long as the system
    is configured to try, often 10 to 30 seconds, whether or not the caller still waits. So threads
    are what is counted: a tenant holds at most ``per_tenant``, and never more than are still free,
    so that tenants which ask for silent names leave a place for every other tenant (ADR 85). Who
    has none waits in the queue of its tenant; tenants are served in turn.

    The callers of one tenant that ask for the same name share one look-up. Once a caller gave up on
    a name, that tenant gets OSError for it at once until the thread has ended. A process that ends
    waits for no thread.
    """

    def __init__(self, max_threads: int = 256, per_tenant: int = 32) -> None:
        self._free = max_threads
        self._per_tenant = per_tenant
        self._held: Counter[TenantId] = Counter()
        self._lookups: dict[tuple[TenantId, str], _Lookup] = {}
        self._waiting: OrderedDict[TenantId, deque[_Lookup]] = OrderedDict()

    async def lookup(self, host: str, tenant_id: TenantId) -> Sequence[Address]:
        """Return every address of the host, or raise OSError."""
        lookup = self._lookups.get((tenant_id, host))
        if lookup is None:
            lookup = _Lookup(host, tenant_id, asyncio.get_running_loop())
            self._lookups[tenant_id, host] = lookup
            self._waiting.setdefault(tenant_id, deque()).append(lookup)
            self._start_waiting()
        elif lookup.is_abandoned:
            raise OSError("DNS has not answered an earlier look-up of this name")
        lookup.callers += 1
        try:
            answer = await asyncio.shield(lookup.answer)
        except asyncio.CancelledError:
            lookup.is_abandoned = lookup.is_running
            raise
        finally:
            lookup.callers -= 1
            if not lookup.callers and not lookup.is_running:
                self._forget(lookup)
        if isinstance(answer, OSError):
            raise answer
        return answer

    def close(self) -> None:
        """Start no more look-ups; those that run end unheard."""
        self._per_tenant = 0

    def _start_waiting(self) -> None:
        """Start what may be started now, one look-up of each tenant after the other."""
        is_full = False
        while not is_full:
            is_full = True
            for tenant_id in list(self._waiting):
                if self._held[tenant_id] < min(self._per_tenant, self._free):
                    is_full = False
                    self._start(self._next_of(tenant_id))

    def _next_of(self, tenant_id: TenantId) -> _Lookup:
        queue = self._waiting[tenant_id]
        lookup = queue.popleft()
        if queue:
            self._waiting.move_to_end(tenant_id)
        else:
            del self._waiting[tenant_id]
        return lookup

    def _start(self, lookup: _Lookup) -> None:
        self._free -= 1
        self._held[lookup.tenant_id] += 1
        lookup.is_running = True
        thread = Thread(target=self._run, args=(lookup,), name="lookup", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the machine has no thread left
            lookup.loop.call_soon(self._finish, lookup, OSError(str(error)))

    def _run(self, lookup: _Lookup) -> None:
        try:
            answer: list[Address] | OSError = _addresses(lookup.host)
        except (OSError, ValueError) as error:  # UnicodeError is a ValueError
            answer = error if isinstance(error, OSError) else OSError(str(error))
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            lookup.loop.call_soon_threadsafe(self._finish, lookup, answer)

    def _finish(self, lookup: _Lookup, answer: list[Address] | OSError) -> None:
        self._free += 1
        self._held[lookup.tenant_id] -= 1
        self._held += Counter()  # tenants that hold nothing are forgotten
        lookup.is_running = False
        del self._lookups[lookup.tenant_id, lookup.host]
        lookup.answer.set_result(answer)
        self._start_waiting()

    def _forget(self, lookup: _Lookup) -> None:
        """Take a look-up that nobody waits for any more out of the queue, if it is still in it."""
        queue = self._waiting.get(lookup.tenant_id)
        if queue and lookup in queue:
            queue.remove(lookup)
            del self._lookups[lookup.tenant_id, lookup.host]
            if not queue:
                del self._waiting[lookup.tenant_id]


def _addresses(host: str) -> list[Address]:
    # As bytes: for text, Python applies an older IDNA and raises UnicodeError.
    answers = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    return [ip_address(sockaddr[0]) for *_, sockaddr in answers]
