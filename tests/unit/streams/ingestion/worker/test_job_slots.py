import asyncio
from dataclasses import replace

import pytest

from domain.asset.jobs import ImageJob
from domain.values import Source, TenantId
from streams.ingestion.worker.job_slots import HostBusy, JobSlots
from tests.support.samples import ORIGINAL
from tests.support.stream_samples import JOB

GLOBEX = TenantId("globex")
REPROCESSING = replace(JOB, source=None, original=ORIGINAL)


def at(url: str) -> Source:
    return Source(url=url, upload_key=None, file_name=None)


def test_a_job_gives_up_when_its_host_stays_busy() -> None:
    async def story() -> None:
        slots = JobSlots(total=10, per_host=1, patience_seconds=0.01)
        async with slots.hold(JOB):
            with pytest.raises(HostBusy):
                async with slots.hold(JOB):
                    pytest.fail("the host was busy")
        async with slots.hold(JOB):
            assert slots.active == 1

    asyncio.run(story())


@pytest.mark.parametrize("url", ["https://example.com:8443/x", "https://EXAMPLE.com./y"])
def test_a_host_is_the_same_whatever_the_port_and_spelling(url: str) -> None:
    async def story() -> None:
        slots = JobSlots(total=10, per_host=1, patience_seconds=0.01)
        async with slots.hold(JOB):
            with pytest.raises(HostBusy):
                async with slots.hold(replace(JOB, source=at(url))):
                    pytest.fail("the host was busy")

    asyncio.run(story())


@pytest.mark.parametrize("other", [replace(JOB, source=at("https://example.org/")), REPROCESSING])
def test_what_needs_another_host_or_none_does_not_wait_for_a_busy_one(other: object) -> None:
    async def story() -> int:
        slots = JobSlots(total=2, per_host=1, patience_seconds=60)
        async with slots.hold(JOB):
            waiting = asyncio.ensure_future(hold_once(slots))
            await asyncio.sleep(0)
            async with slots.hold(other):  # type: ignore[arg-type] # a job
                waiting.cancel()
                return slots.active

    assert asyncio.run(story()) == 2


async def hold_once(slots: JobSlots) -> None:
    async with slots.hold(JOB):
        pass


def test_no_more_are_active_than_there_are_slots() -> None:
    async def story() -> int:
        slots = JobSlots(total=3, per_host=1, patience_seconds=60)
        most = 0

        async def work() -> None:
            nonlocal most
            async with slots.hold(REPROCESSING):
                most = max(most, slots.active)
                await asyncio.sleep(0)

        await asyncio.gather(*(work() for _ in range(10)))
        return most

    assert asyncio.run(story()) == 3


def test_some_slots_are_kept_from_bulk() -> None:
    async def story() -> None:
        slots = JobSlots(total=4, per_host=9, patience_seconds=60)
        bulk = replace(REPROCESSING, is_bulk=True)
        waiting = [
            asyncio.create_task(
                _hold_until_cancelled(slots, replace(bulk, tenant_id=TenantId(f"t{number}")))
            )
            for number in range(9)
        ]
        await asyncio.sleep(0)
        assert slots.active == 3
        async with slots.hold(REPROCESSING):
            assert slots.active == 4
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert slots.active == 0

    asyncio.run(story())


def test_bulk_of_a_tenant_leaves_a_slot_to_its_own_single_pictures() -> None:
    async def story() -> None:
        slots = JobSlots(total=4, per_host=9, patience_seconds=60)
        bulk = replace(REPROCESSING, is_bulk=True)
        waiting = [asyncio.create_task(_hold_until_cancelled(slots, bulk)) for _ in range(9)]
        await asyncio.sleep(0)
        assert slots.active == 2
        async with asyncio.timeout(10), slots.hold(REPROCESSING):
            assert slots.active == 3
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(story())


async def _hold_until_cancelled(slots: JobSlots, job: ImageJob) -> None:
    async with slots.hold(job):
        await asyncio.Event().wait()


@pytest.mark.parametrize("is_bulk", [True, False])
def test_one_tenant_leaves_slots_to_others_whatever_its_sources_do(*, is_bulk: bool) -> None:
    async def story() -> None:
        slots = JobSlots(total=16, per_host=9, patience_seconds=60)
        slow = replace(REPROCESSING, is_bulk=is_bulk)
        waiting = [asyncio.create_task(_hold_until_cancelled(slots, slow)) for _ in range(40)]
        await asyncio.sleep(0)
        assert slots.active == (9 if is_bulk else 12)
        async with asyncio.timeout(10), slots.hold(replace(slow, tenant_id=GLOBEX)):
            assert slots.active == (10 if is_bulk else 13)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert slots.active == 0

    asyncio.run(story())
