"""A page is read from one generation of its view, whatever is switched meanwhile."""

import asyncio
from collections.abc import Sequence

from domain.values import TenantId
from infra.cassandra.session import Row
from query_api.listing.bucket_sources import BucketSources
from query_api.listing.page_reader import read_page
from read_models.bucketed_listing import Period
from read_models.keyset import KeyRange
from read_models.view_reader import ViewReader

BUCKET_OF = {"_g1": "2026-11-23", "_g2": "2026-11"}


class SwitchingCql:
    """Days in generation 1, months in generation 2; switched as soon as buckets were asked for."""

    def __init__(self) -> None:
        self.active = 1

    async def select(
        self, statement: str, parameters: Sequence[object] = (), *, page_size: int = 1_000
    ) -> list[Row]:
        assert page_size
        if "active_generation" in statement:
            return [{"view_name": "assets_by_date", "generation": self.active}]
        if "projection_state" in statement:
            return []
        (bucket,) = (BUCKET_OF[name] for name in BUCKET_OF if name in statement)
        if "date_buckets" in statement:
            self.active = 2
            return [{"day": bucket}]
        return [{"created_at_us": 1, "asset_id": "a-1"}] if parameters[1] == bucket else []


def test_a_switch_between_two_reads_of_a_page_hides_nothing() -> None:
    async def read() -> None:
        sources = BucketSources(ViewReader(SwitchingCql()))
        for _ in range(2):  # the second from the other generation, whose buckets are asked anew
            source = await sources.dates(TenantId("acme"), Period(), as_of=None, is_fresh=False)
            page = await read_page(
                [source], span=KeyRange(), order="desc", limit=5, page_start=None
            )
            assert len(page.rows) == 1

    asyncio.run(read())
