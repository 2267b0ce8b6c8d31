"""A page is read from one generation of its view, whatever is switched meanwhile."""

import asyncio

from domain.values import TenantId
from infra.cassandra.session import Row
from query_api.listing.bucket_sources import BucketSources, Period
from query_api.listing.page_reader import read_page
from read_models.keyset import KeyRange, SortOrder
from read_models.view import View
from tests.support.fakes.memory_queries import MemoryQueries


class SwitchingQueries(MemoryQueries):
    """Days in generation 1, months in generation 2; switched as soon as buckets were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.active = 1

    async def generation(self, view: View) -> int:
        return self.active

    async def days(self, tenant_id: TenantId, generation: int) -> list[str]:
        self.active = 2
        return ["2026-11-23"] if generation == 1 else ["2026-11"]

    async def of_day(
        self,
        tenant_id: TenantId,
        day: str,
        span: KeyRange,
        order: SortOrder,
        limit: int,
        generation: int,
    ) -> list[Row]:
        is_there = day == ("2026-11-23" if generation == 1 else "2026-11")
        return [{"created_at_us": 1, "asset_id": "a-1"}] if is_there else []


def test_a_switch_between_two_reads_of_a_page_hides_nothing() -> None:
    async def read() -> None:
        shelves = BucketSources(SwitchingQueries())
        for _ in range(2):  # the second from the other generation, whose buckets are asked anew
            shelf = await shelves.dates(TenantId("acme"), Period(), is_fresh=False)
            page = await read_page([shelf], span=KeyRange(), order="desc", limit=5, page_start=None)
            assert len(page.rows) == 1

    asyncio.run(read())
