"""Handing each event to those who listen: from the thread that reads the log to their requests."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from avro_schemas.codec import decode
from avro_schemas.errors import Undecodable
from domain.asset.events import AssetEvent
from domain.values import TenantId
from infra.errors import Overloaded
from infra.http.errors import NotReady
from infra.kafka.partition_reader import Record
from query_api.errors import TooManyListeners
from query_api.feed.resume_tokens import Offsets

_MOST_WAITING = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """An event, and where it lies."""

    partition: int
    offset: int
    event: AssetEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCheckpoint:
    """Says that everything before these offsets was handed over."""

    offsets: Offsets


class Listener:
    """One request that listens; what waits for it is bounded.

    When more would wait, nothing more is taken in: it reads what it has and comes to an end.
    """

    def __init__(self, joined_at: Offsets) -> None:
        self.joined_at = joined_at
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[FeedEvent | FeedCheckpoint] = asyncio.Queue(_MOST_WAITING)
        self._is_too_slow = False

    @property
    def is_over(self) -> bool:
        """Whether it was too slow and has read all that it got."""
        return self._is_too_slow and self._waiting.empty()

    def hand_over(self, happened: FeedEvent | FeedCheckpoint) -> None:
        """Hand over the next event or checkpoint, from any thread and in order."""
        self._loop.call_soon_threadsafe(self._take, happened)

    async def next(self, seconds: float) -> FeedEvent | FeedCheckpoint | None:
        """Wait for what comes next, at most this long."""
        try:
            async with asyncio.timeout(seconds):
                return await self._waiting.get()
        except TimeoutError:
            return None

    def _take(self, happened: FeedEvent | FeedCheckpoint) -> None:
        if self._is_too_slow or self._waiting.full():
            self._is_too_slow = True
        else:
            self._waiting.put_nowait(happened)


class Listeners:
    """All who listen in this process; one thread calls ``take``, requests do the rest.

    A listener gets every event of its tenant from ``joined_at`` on, in the order of each partition;
    after the reading broke off an event may come again.
    """

    def __init__(self, *, at_most: int, per_tenant: int) -> None:
        self._at_most = at_most
        self._per_tenant = per_tenant
        self._lock = Lock()
        self._offsets: dict[int, int] = {}
        self._of_tenant: defaultdict[TenantId, set[Listener]] = defaultdict(set)
        self._count = 0

    @property
    def offsets(self) -> dict[int, int]:
        """How far the log was read; raises NotReady as long as nobody began."""
        with self._lock:
            if not self._offsets:
                raise NotReady("the log is not read yet")
            return dict(self._offsets)

    def begin(self, offsets: Offsets) -> Offsets:
        """Say where to read: at these offsets, or where reading broke off."""
        with self._lock:
            self._offsets = self._offsets or dict(offsets)
            return dict(self._offsets)

    def take(self, record: Record) -> None:
        """Hand the next event of the log to those whose it is.

        Raises KeysLost, and then stands still before it: reading has to ``begin`` there again.
        """
        with self._lock:
            happened = feed_event_in(record) if self._count else None
            at = self._offsets[record.partition]
            self._offsets[record.partition] = max(at, record.offset + 1)
            if happened is not None:
                theirs = self._of_tenant.get(happened.event.metadata.tenant_id, ())
                for listener in theirs:
                    listener.hand_over(happened)

    def send_checkpoint(self, listener: Listener) -> None:
        """Let a listener know how far it has come, behind all that was handed to it before."""
        with self._lock:
            listener.hand_over(FeedCheckpoint(offsets=dict(self._offsets)))

    @contextmanager
    def join(self, tenant_id: TenantId) -> Iterator[Listener]:
        """Listen; raises NotReady, Overloaded, and TooManyListeners for those of one tenant.

        A tenant has at most as many feeds as are still free, so that a few tenants with many leave
        some to all others.
        """
        listener = Listener(self.offsets)
        with self._lock:
            theirs = len(self._of_tenant.get(tenant_id, ()))
            if theirs >= self._per_tenant:
                raise TooManyListeners(f"a tenant may have {self._per_tenant} open feeds")
            if theirs >= self._at_most - self._count:  # so that the next tenant finds one
                raise Overloaded("too many feeds are open")
            listener.joined_at = dict(self._offsets)
            self._of_tenant[tenant_id].add(listener)
            self._count += 1
        try:
            yield listener
        finally:
            with self._lock:
                self._count -= 1
                self._of_tenant[tenant_id].discard(listener)
                if not self._of_tenant[tenant_id]:
                    del self._of_tenant[tenant_id]


def feed_event_in(record: Record) -> FeedEvent | None:
    """Read an event of an asset out of a record; None for what is none, or can never be read.

    Raises KeysLost.
    """
    try:
        event = decode(record.value)
    except Undecodable:
        return None  # the projections keep it as a dead letter
    if not isinstance(event, AssetEvent):
        return None
    return FeedEvent(partition=record.partition, offset=record.offset, event=event)
