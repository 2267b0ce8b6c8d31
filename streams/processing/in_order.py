"""Work on many records at once, and acknowledge them in order."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Generic, TypeVar

from streams.window import AckSlot, AckWindow

_Record = TypeVar("_Record")

log = logging.getLogger(__name__)


class ParallelProcessor(Generic[_Record]):
    """Starts work on every record at once and acknowledges from the head of its partition only.

    ``work`` must not raise: what became of a record is for it to settle. If it does raise,
    nothing from that record on is acknowledged any more, and ``failed`` is done with the reason:
    end the process then, and the records come again.
    """

    def __init__(
        self,
        work: Callable[[_Record], Awaitable[None]],
        acknowledge: Callable[[_Record], None],
        *,
        window_size: int,
    ) -> None:
        self._work = work
        self._acknowledge = acknowledge
        self._window_size = window_size
        self._lanes: dict[Hashable, _Lane[_Record]] = {}
        self._is_closed = False
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def depth(self) -> int:
        """Count the records that are not acknowledged yet."""
        return sum(len(lane.window) for lane in self._lanes.values())

    async def submit(self, partition: Hashable, record: _Record) -> None:
        """Start work on the next record of a partition.

        Waits while the partition's window is full; a record whose partition is taken away
        meanwhile is dropped, as is every record after ``close``.
        """
        lane = self._lanes.setdefault(partition, _Lane())
        while len(lane.window) >= self._window_size and not lane.is_revoked:
            lane.moved.clear()
            await lane.moved.wait()
        if lane.is_revoked or self._is_closed:
            return
        task = asyncio.create_task(self._run(lane, lane.window.enter(record)))
        lane.tasks.add(task)
        task.add_done_callback(lane.tasks.discard)

    def revoke(self, partitions: Iterable[Hashable]) -> None:
        """Stop work on what belongs to somebody else now, and never acknowledge it."""
        for partition in partitions:
            lane = self._lanes.pop(partition, None)
            if lane:
                lane.revoke()

    async def close(self, within_seconds: float) -> None:
        """Take nothing more, let work under way finish for so long, then stop it."""
        self._is_closed = True
        tasks = [task for lane in self._lanes.values() for task in lane.tasks]
        if tasks:
            await asyncio.wait(tasks, timeout=within_seconds)
        self.revoke(list(self._lanes))
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, lane: "_Lane[_Record]", place: AckSlot[_Record]) -> None:
        try:
            await self._work(place.record)
        except Exception as error:
            log.exception("work that must not fail failed")
            if not self.failed.done():
                self.failed.set_exception(error)
            return
        for record in lane.window.finish(place):
            self._acknowledge(record)
        lane.moved.set()


class _Lane(Generic[_Record]):
    """One partition as long as it is ours."""

    def __init__(self) -> None:
        self.window: AckWindow[_Record] = AckWindow()
        self.tasks: set[asyncio.Task[None]] = set()
        self.moved = asyncio.Event()
        self.is_revoked = False

    def revoke(self) -> None:
        """Drop everything."""
        self.is_revoked = True
        self.window.clear()
        for task in self.tasks:
            task.cancel()
        self.moved.set()
