"""The parallel processor: works on many records at once, acknowledges them in order."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Generic, TypeVar

from streams.runtime.ack_window import AckSlot, AckWindow

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
        self._partitions: dict[Hashable, _PartitionWork[_Record]] = {}
        self._is_closed = False
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def depth(self) -> int:
        """Count the records that are not acknowledged yet."""
        return sum(len(partition_work.window) for partition_work in self._partitions.values())

    async def submit(self, partition: Hashable, record: _Record) -> None:
        """Start work on the next record of a partition.

        Waits while the partition's window is full; a record whose partition is taken away
        meanwhile is dropped, as is every record after ``close``.
        """
        partition_work = self._partitions.setdefault(partition, _PartitionWork())
        while len(partition_work.window) >= self._window_size and not partition_work.is_revoked:
            partition_work.moved.clear()
            await partition_work.moved.wait()
        if partition_work.is_revoked or self._is_closed:
            return
        task = asyncio.create_task(self._run(partition_work, partition_work.window.enter(record)))
        partition_work.tasks.add(task)
        task.add_done_callback(partition_work.tasks.discard)

    def revoke(self, partitions: Iterable[Hashable]) -> None:
        """Stop work on what belongs to somebody else now, and never acknowledge it."""
        for partition in partitions:
            partition_work = self._partitions.pop(partition, None)
            if partition_work:
                partition_work.revoke()

    async def close(self, within_seconds: float) -> None:
        """Take nothing more, let work under way finish for so long, then stop it."""
        self._is_closed = True
        tasks = [
            task for partition_work in self._partitions.values() for task in partition_work.tasks
        ]
        if tasks:
            await asyncio.wait(tasks, timeout=within_seconds)
        self.revoke(list(self._partitions))
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(
        self, partition_work: "_PartitionWork[_Record]", place: AckSlot[_Record]
    ) -> None:
        try:
            await self._work(place.record)
        except Exception as error:
            log.exception("work that must not fail failed")
            if not self.failed.done():
                self.failed.set_exception(error)
            return
        for record in partition_work.window.finish(place):
            self._acknowledge(record)
        partition_work.moved.set()


class _PartitionWork(Generic[_Record]):
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
