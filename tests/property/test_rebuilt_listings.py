"""Paging goes on where it was when a rebuilt view cuts its buckets in another way."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from infra.cassandra.session import Row
from query_api.listing.page_reader import PageStart, read_page
from read_models.keyset import KeyRange, SortOrder
from tests.support.fakes.memory_tables import first

Key = tuple[int, str]

keys = st.tuples(st.integers(0, 999), st.sampled_from("abc"))


@dataclass
class RebuiltBucketSource:
    """A shelf whose buckets are named by the first digits of a moment, as days and months are."""

    items: set[Key]
    emptied: frozenset[int]
    digits: int = 3

    async def buckets(self) -> Sequence[str]:
        moments = {us for us, _ in self.items} | self.emptied
        return list({f"{us:03}"[: self.digits] for us in moments})

    async def rows(
        self, bucket: str, span: KeyRange, order: SortOrder, limit: int
    ) -> Sequence[Row]:
        rows = [
            {"created_at_us": us, "asset_id": asset_id}
            for us, asset_id in self.items
            if f"{us:03}".startswith(bucket)
        ]
        return first(rows, span, order, limit)


@given(
    st.sets(keys, max_size=40),
    st.frozensets(st.integers(0, 999), max_size=400),
    st.sampled_from(["asc", "desc"]),
    st.integers(1, 7),
    st.lists(st.integers(0, 3), min_size=1, max_size=10),
)
@example({(100, "a"), (101, "a")}, frozenset(), "asc", 1, [3, 1])
@example({(100, "a"), (101, "a")}, frozenset(), "desc", 1, [1, 3])
@example({(100, "a"), (999, "a")}, frozenset(range(101, 401)), "asc", 5, [3, 0])
def test_paging_shows_everything_once_however_the_buckets_are_cut_meanwhile(
    items: set[Key], emptied: frozenset[int], order: SortOrder, limit: int, digits: list[int]
) -> None:
    shelf = RebuiltBucketSource(items, emptied)
    shown: list[Key] = []
    page_start: PageStart | None = None
    turn = 0
    while page_start is not None or turn == 0:
        shelf.digits = digits[min(turn, len(digits) - 1)]
        page = asyncio.run(
            read_page([shelf], span=KeyRange(), order=order, limit=limit, page_start=page_start)
        )
        shown += [(row["created_at_us"], row["asset_id"]) for row in page.rows]
        page_start, turn = page.next_start, turn + 1
    assert shown == sorted(items, reverse=order == "desc")
