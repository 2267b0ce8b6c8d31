"""A page is read from one generation of its view, whatever is switched meanwhile."""

import asyncio

from domain.values import TenantId
from infra.cql import Row
from query_api.listing import Order, Span, read_page
from query_api.shelves import Period, Shelves
from query_api.views import View
from tests.unit.query_api.memory_queries import MemoryQueries


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
        span: Span,
        order: Order,
        limit: int,
        generation: int,
    ) -> list[Row]:
        is_there = day == ("2026-11-23" if generation == 1 else "2026-11")
        return [{"created_at_us": 1, "asset_id": "a-1"}] if is_there else []


def test_a_switch_between_two_reads_of_a_page_hides_nothing() -> None:
    async def read() -> None:
        shelves = Shelves(SwitchingQueries())
        for _ in range(2):  # the second from the other generation, whose buckets are asked anew
            shelf = await shelves.dates(TenantId("acme"), Period(), is_fresh=False)
            page = await read_page([shelf], span=Span(), order="desc", limit=5, place=None)
            assert len(page.rows) == 1

    asyncio.run(read())
