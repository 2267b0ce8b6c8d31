import asyncio
from collections.abc import Awaitable, Callable

import pytest

from streams.ingestion.worker.parallel_processor import ParallelProcessor


class Jobs:
    """Work that ends when the test says so."""

    def __init__(self) -> None:
        self.gates: dict[str, asyncio.Event] = {}
        self.started: list[str] = []
        self.stopped: list[str] = []
        self.acknowledged: list[str] = []

    async def work(self, record: str) -> None:
        self.started.append(record)
        try:
            await self.gate(record).wait()
        except asyncio.CancelledError:
            self.stopped.append(record)
            raise

    def gate(self, record: str) -> asyncio.Event:
        return self.gates.setdefault(record, asyncio.Event())

    def in_order(self, window_size: int = 10) -> ParallelProcessor[str]:
        return ParallelProcessor(self.work, self.acknowledged.append, window_size=window_size)


async def settle() -> None:
    """Let everything that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


def run(story: Callable[[Jobs], Awaitable[None]]) -> Jobs:
    jobs = Jobs()

    async def told() -> None:
        await story(jobs)

    asyncio.run(told())
    return jobs


def test_a_slow_head_holds_back_its_own_partition_only() -> None:
    async def story(jobs: Jobs) -> None:
        processor = jobs.in_order()
        for partition, record in ((0, "slow"), (0, "quick"), (1, "other")):
            await processor.submit(partition, record)
        jobs.gate("quick").set()
        jobs.gate("other").set()
        await settle()
        assert jobs.acknowledged == ["other"]
        jobs.gate("slow").set()
        await settle()

    assert run(story).acknowledged == ["other", "slow", "quick"]


def test_a_full_window_makes_the_next_record_wait() -> None:
    async def story(jobs: Jobs) -> None:
        processor = jobs.in_order(window_size=2)
        await processor.submit(0, "first")
        await processor.submit(0, "second")
        third = asyncio.ensure_future(processor.submit(0, "third"))
        jobs.gate("second").set()
        await settle()
        assert not third.done()
        assert processor.depth == 2
        jobs.gate("first").set()
        await third
        await settle()
        assert jobs.started == ["first", "second", "third"]
        await processor.close(0)

    run(story)


def test_what_is_revoked_is_stopped_and_never_acknowledged() -> None:
    async def story(jobs: Jobs) -> None:
        processor = jobs.in_order()
        await processor.submit(0, "ours")
        await processor.submit(1, "theirs")
        await settle()
        processor.revoke([1])
        jobs.gate("ours").set()
        jobs.gate("theirs").set()
        await settle()

    jobs = run(story)
    assert jobs.acknowledged == ["ours"]
    assert jobs.stopped == ["theirs"]


def test_work_that_will_not_stop_is_not_acknowledged_after_a_revocation() -> None:
    async def story(jobs: Jobs) -> None:
        async def stubborn(record: str) -> None:
            try:
                await jobs.gate(record).wait()
            except asyncio.CancelledError:
                return

        processor = ParallelProcessor(stubborn, jobs.acknowledged.append, window_size=10)
        await processor.submit(0, "theirs")
        await settle()
        processor.revoke([0])
        await processor.submit(0, "theirs, come back to us")
        await settle()
        await processor.close(0)

    assert run(story).acknowledged == []


def test_a_record_that_waits_for_room_is_dropped_with_its_partition() -> None:
    async def story(jobs: Jobs) -> None:
        processor = jobs.in_order(window_size=1)
        await processor.submit(0, "first")
        waiting = asyncio.ensure_future(processor.submit(0, "second"))
        await settle()
        processor.revoke([0])
        await waiting
        await settle()

    assert run(story).started == ["first"]


def test_closing_lets_quick_work_finish_and_stops_the_rest() -> None:
    async def story(jobs: Jobs) -> None:
        processor = jobs.in_order()
        await processor.submit(0, "quick")
        await processor.submit(0, "hanging")
        await settle()
        asyncio.get_running_loop().call_soon(jobs.gate("quick").set)
        await processor.close(0.05)
        await processor.submit(0, "too late")
        await settle()

    jobs = run(story)
    assert jobs.acknowledged == ["quick"]
    assert jobs.stopped == ["hanging"]
    assert jobs.started == ["quick", "hanging"]


def test_work_that_fails_is_never_acknowledged_nor_anything_behind_it() -> None:
    async def story(jobs: Jobs) -> None:
        async def fails(record: str) -> None:
            if record == "broken":
                raise RuntimeError(record)

        processor = ParallelProcessor(fails, jobs.acknowledged.append, window_size=10)
        for record in ("fine", "broken", "behind"):
            await processor.submit(0, record)
        await settle()
        with pytest.raises(RuntimeError, match="broken"):
            await processor.failed

    assert run(story).acknowledged == ["fine"]
