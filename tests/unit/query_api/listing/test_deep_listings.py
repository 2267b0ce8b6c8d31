"""What a listing of a category and all below it costs: bounded reads for each page."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from infra.cassandra.session import Row
from query_api.listing import filtered_page
from query_api.listing.filtered_page import read_filtered_page
from query_api.listing.page_reader import PageStart, RowPage
from read_models.keyset import KeyRange, SortOrder
from tests.support.fakes.memory_tables import MemoryTables, first
from tests.support.samples import create_category
from tests.support.story import Story
from tests.unit.query_api.listing.test_listings import read

MOST_READS = 192  # of 32 categories that are merged: their buckets, 128 of rows, and a wave more
MOST_AT_ONCE = 16
PAST = "&as_of=2026-11-24T12:00:00Z"
COUNTED = re.compile(r"FROM (category_buckets|date_buckets|assets_by_|listing)")


class CountingTables(MemoryTables):
    """Counts the reads of listings, those that are under way together, and the rows they gave."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = self.at_once = self.most_at_once = self.rows = 0

    async def select(
        self, statement: str, parameters: Sequence[object] = (), *, page_size: int = 1_000
    ) -> list[Row]:
        rows = await super().select(statement, parameters, page_size=page_size)
        if COUNTED.search(statement):
            self.reads += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            await asyncio.sleep(0)
            self.at_once -= 1
            self.rows += len(rows)
        return rows

    @contextmanager
    def one_page(self) -> Iterator[None]:
        """Check what the page that is read in the block costs."""
        self.reads = self.most_at_once = self.rows = 0
        yield
        assert 0 < self.reads <= MOST_READS
        assert self.most_at_once <= MOST_AT_ONCE


@pytest.fixture
def tables() -> CountingTables:
    return CountingTables()


@pytest.mark.parametrize("past", ["", PAST], ids=["now", "then"])
@pytest.mark.parametrize("below", [1, 31, 32, 100, 1_000])
def test_a_page_of_a_category_and_all_below_it_takes_a_bounded_number_of_reads(
    client: TestClient, story: Story, tables: CountingTables, below: int, past: str
) -> None:
    story.tell(create_category("top"))
    story.tell(*(create_category(f"below-{number}", parent="top") for number in range(below)))
    published = [story.publish(number, f"below-{number}") for number in range(min(below, 120))]
    story.publish(1_000, "cats")
    path: str | None = f"/v1/categories/top/assets?include_descendants=true&limit=50{past}"
    if past:
        story.now = story.now.replace(day=25)
    found = []
    while path is not None:
        with tables.one_page():
            page = client.get(path).raise_for_status().json()
        found += [item["asset_id"] for item in page["items"]]
        path = page["next"]
    assert found == published[::-1]


def test_many_categories_are_listed_as_few_are(client: TestClient, story: Story) -> None:
    """The same pictures, merged from three categories, and found by date among fifty."""
    story.tell(*(create_category(f"few-{number}", parent="cats") for number in range(3)))
    story.tell(*(create_category(f"empty-{number}", parent="dogs") for number in range(50)))
    story.tell(*(create_category(f"many-{number}", parent="dogs") for number in range(3)))
    for number in range(20):
        three = number % 3
        story.publish(number, f"few-{three}", f"many-{three}", "animals")
    for order in ("asc", "desc"):
        rest = f"assets?include_descendants=true&limit=7&order={order}"
        few, many = (read(client, f"/v1/categories/{slug}/{rest}") for slug in ("cats", "dogs"))
        assert few == many
        assert len(list(chain(*few))) == 20


@pytest.mark.parametrize(("blob_cache_bytes", "is_read_again"), [(32_000_000, False), (100, True)])
def test_pages_that_are_shared_are_kept_by_their_size(
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    *,
    blob_cache_bytes: int,
    is_read_again: bool,
) -> None:
    monkeypatch.setattr("query_api.listing.asset_pages._SHARED_SECONDS", 3_600.0)
    monkeypatch.setattr("query_api.listing.asset_pages._SHARED_BYTES", blob_cache_bytes)
    client: TestClient = request.getfixturevalue("client")
    tables: CountingTables = request.getfixturevalue("tables")
    request.getfixturevalue("story").publish(1, "cats")
    assert read(client, "/v1/assets")
    before = tables.reads
    assert read(client, "/v1/assets")
    assert (tables.reads > before) == is_read_again


class Rows:
    """Rows in buckets of ten, numbered in time."""

    def __init__(self, count: int) -> None:
        self.rows_of: dict[str, list[Row]] = {}
        self.reads = 0
        for number in range(count):
            row = {"created_at_us": number, "asset_id": f"a{number}", "number": number}
            self.rows_of.setdefault(f"{number // 10:03d}", []).append(row)

    async def buckets(self) -> Sequence[str]:
        return list(self.rows_of)

    async def rows(
        self, bucket: str, span: KeyRange, order: SortOrder, limit: int
    ) -> Sequence[Row]:
        self.reads += 1
        return first(self.rows_of[bucket], span, order, limit)


@given(
    count=st.integers(0, 60),
    matching_ones=st.sets(st.integers(0, 59)),
    limit=st.integers(1, 7),
    order=st.sampled_from(["asc", "desc"]),
    rows_a_read=st.integers(1, 12),
    most_reads=st.integers(1, 5),
)
def test_what_matches_is_found_once_and_in_order_however_a_page_ends(
    count: int,
    matching_ones: set[int],
    limit: int,
    order: SortOrder,
    rows_a_read: int,
    most_reads: int,
) -> None:
    shelf, page_start, found = Rows(count), None, []
    for _ in range(10 * count + 10):
        before = shelf.reads
        with patch.multiple(filtered_page, _ROWS_A_READ=rows_a_read, MOST_READS=most_reads):
            page = asyncio.run(_page(shelf, matching_ones, limit, order, page_start))
        assert shelf.reads - before <= most_reads
        assert len(page.rows) <= limit
        found += [row["number"] for row in page.rows]
        page_start = page.next_start
        if page_start is None:
            break
    expected = sorted(matching_ones & set(range(count)), reverse=order == "desc")
    assert page_start is None
    assert found == expected


async def _page(
    shelf: Rows, matching_ones: set[int], limit: int, order: SortOrder, page_start: PageStart | None
) -> RowPage:
    return await read_filtered_page(
        shelf,
        lambda row: row["number"] in matching_ones,
        span=KeyRange(),
        order=order,
        limit=limit,
        page_start=page_start,
    )
