"""Queues of work, one for each partition of a topic, committed in order once it is finished."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record
from streams.runtime.record_consumer import PausableConsumer, commit_if_possible

_Work = TypeVar("_Work")

_BATCH = 1_000
_MOST_HELD = 5_000


OpenReader = Callable[[Callable[[list[Partition]], None]], PausableConsumer]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedTask(Generic[_Work]):
    """One piece of work, and the record that asks for it."""

    record: Record
    work: _Work

    @property
    def partition(self) -> Partition:
        """The partition of its record."""
        return self.record.topic, self.record.partition


@dataclass(slots=True)
class _Queue(Generic[_Work]):
    next_offset: int = 0
    committed: int = -1
    tasks: deque[QueuedTask[_Work]] = field(default_factory=deque)
    finished: set[int] = field(default_factory=set)

    @property
    def done_up_to(self) -> int:
        return self.tasks[0].record.offset if self.tasks else self.next_offset


class PartitionQueues(Generic[_Work]):
    """Reads as a member of a group; unfinished work stays at the head of its partition.

    Reading goes on while something takes long, for a member that does not poll is expelled. Some
    thousand pieces of work are held at most: with more nothing is read until some are finished.
    Only finished work is committed. Work that is lost in a crash, or when its partition is
    assigned to another member, is read again.
    """

    def __init__(
        self,
        open_reader: OpenReader,
        work_in: Callable[[Record], _Work | None],
        most_held: int = _MOST_HELD,
    ) -> None:
        self._work_in = work_in
        self._most_held = most_held
        self._queues: dict[Partition, _Queue[_Work]] = {}
        self._is_paused = False
        self._reader = open_reader(self._forget)

    def read(self, timeout_seconds: float) -> None:
        """Read records, waiting so long for the first one; raises BrokerUnavailable."""
        held = sum(len(queue.tasks) for queue in self._queues.values())
        if held >= self._most_held and not self._is_paused:
            self._reader.pause()
            self._is_paused = True
        elif held < self._most_held and self._is_paused:
            self._reader.resume()
            self._is_paused = False
        for record in self._reader.poll(_BATCH, timeout_seconds):
            queue = self._queues.setdefault((record.topic, record.partition), _Queue())
            queue.next_offset = record.offset + 1
            work = self._work_in(record)
            if work is not None:
                queue.tasks.append(QueuedTask(record=record, work=work))

    def first(
        self, at_most: int, is_due: Callable[[QueuedTask[_Work]], bool] = lambda _: True
    ) -> list[QueuedTask[_Work]]:
        """Return the unfinished ones among the oldest so many tasks of each partition.

        None is returned that lies behind one that is not due.
        """
        found = []
        for queue in self._queues.values():
            for task in islice(queue.tasks, at_most):
                if not is_due(task):
                    break
                if task.record.offset not in queue.finished:
                    found.append(task)
        return found

    def finish(self, task: QueuedTask[_Work]) -> None:
        """Mark a task as finished; those before it need not be."""
        queue = self._queues.get(task.partition)
        if queue is None:
            return
        queue.finished.add(task.record.offset)
        while queue.tasks and queue.tasks[0].record.offset in queue.finished:
            queue.finished.discard(queue.tasks.popleft().record.offset)

    def commit(self) -> None:
        """Commit where that changed; what the broker does not take now is committed next time."""
        moved = {
            partition: queue.done_up_to
            for partition, queue in self._queues.items()
            if queue.done_up_to != queue.committed
        }
        if moved and commit_if_possible(self._reader, moved):
            for partition, offset in moved.items():
                if partition in self._queues:
                    self._queues[partition].committed = offset

    def _forget(self, partitions: list[Partition]) -> None:
        for partition in partitions:
            self._queues.pop(partition, None)
