"""Paging: whatever comes and goes, what stays is shown once; and no cursor can be forged."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.cassandra.session import Row
from query_api.errors import CursorRefused
from query_api.listing.cursors import ASSET_LISTING, CATEGORY_TREE, CursorCodec
from query_api.listing.page_reader import PageStart, read_page
from read_models.keyset import KeyRange, SortOrder
from tests.support.fakes.memory_tables import first

Key = tuple[int, str]

BUCKET_US = 10
keys = st.tuples(st.integers(0, 60), st.sampled_from("abc"))
orders = st.sampled_from(["asc", "desc"])


@dataclass
class MemoryBucketSource:
    """A shelf for tests, with ten microseconds to a bucket; some buckets were emptied long ago."""

    items: set[Key]
    emptied: frozenset[int] = field(default_factory=frozenset)

    async def buckets(self) -> Sequence[str]:
        return sorted(
            {f"{number:03}" for number in {us // BUCKET_US for us, _ in self.items} | self.emptied}
        )

    async def rows(
        self, bucket: str, span: KeyRange, order: SortOrder, limit: int
    ) -> Sequence[Row]:
        rows = [
            {"created_at_us": us, "asset_id": asset_id}
            for us, asset_id in self.items
            if us // BUCKET_US == int(bucket)
        ]
        return first(rows, span, order, limit)


shelves = st.builds(
    MemoryBucketSource,
    items=st.sets(keys),
    emptied=st.frozensets(st.integers(0, 300), max_size=200),
)


@given(
    shelves=st.lists(shelves, min_size=1, max_size=3),
    changes=st.lists(st.tuples(st.integers(0, 2), st.booleans(), keys), max_size=30),
    order=orders,
    limit=st.integers(1, 7),
    bounds=st.tuples(st.integers(-1, 61), st.integers(-1, 61)),
)
def test_paging_shows_all_that_stays_once_and_in_order(
    shelves: list[MemoryBucketSource],
    changes: list[tuple[int, bool, Key]],
    order: SortOrder,
    limit: int,
    bounds: tuple[int, int],
) -> None:
    since, until = bounds
    span = KeyRange(after=(since, ""), before=(until, ""))
    stayed = set[Key]().union(*(shelf.items for shelf in shelves))
    ever = set(stayed)
    shown: list[Key] = []
    page_start: PageStart | None = None
    todo = list(changes)
    while True:
        page = asyncio.run(
            read_page(shelves, span=span, order=order, limit=limit, page_start=page_start)
        )
        assert len(page.rows) <= limit
        shown += [(row["created_at_us"], row["asset_id"]) for row in page.rows]
        if page.next_start is None:
            break
        assert page.next_start != page_start
        page_start = page.next_start
        if todo:
            number, is_added, key = todo.pop()
            items = shelves[number % len(shelves)].items
            if is_added:
                items.add(key)
                ever.add(key)
            else:
                items.discard(key)
            stayed &= set[Key]().union(*(shelf.items for shelf in shelves))
    assert shown == sorted(set(shown), reverse=order == "desc")
    assert {key for key in stayed if span.after < key < span.before} <= set(shown)
    assert set(shown) <= {key for key in ever if span.after < key < span.before}


words = st.text(max_size=20)
bindings = st.lists(words, max_size=4)
places = st.builds(
    PageStart,
    bucket=words,
    created_at_us=st.none() | st.integers(-(2**63), 2**63 - 1),
    asset_id=st.none() | words,
)
CURSORS = CursorCodec(["today"])


@given(page_start=places, bound_to=bindings)
def test_a_cursor_brings_back_its_place(page_start: PageStart, bound_to: list[str]) -> None:
    assert CURSORS.decode(CURSORS.encode(page_start, bound_to), bound_to) == list(page_start)


@given(page_start=places, bound_to=bindings, other=bindings)
def test_a_cursor_of_another_query_is_refused(
    page_start: PageStart, bound_to: list[str], other: list[str]
) -> None:
    cursor = CURSORS.encode(page_start, bound_to)
    if other != bound_to:
        with pytest.raises(CursorRefused):
            CURSORS.decode(cursor, other)


@given(page_start=places, data=st.data())
def test_a_cursor_with_any_character_changed_is_refused(
    page_start: PageStart, data: st.DataObject
) -> None:
    cursor = CURSORS.encode(page_start, ["acme"])
    at = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.characters(codec="utf-8").filter(lambda one: one != cursor[at]))
    for forged in (cursor[:at] + letter + cursor[at + 1 :], cursor[:at], cursor + letter):
        with pytest.raises(CursorRefused):
            CURSORS.decode(forged, ["acme"])


@given(garbage=st.text(max_size=600) | st.binary(max_size=400).map(bytes.hex))
def test_garbage_is_refused(garbage: str) -> None:
    with pytest.raises(CursorRefused):
        CURSORS.decode(garbage, ["acme"])


@given(page_start=places)
def test_secrets_can_be_replaced_one_after_the_other(page_start: PageStart) -> None:
    cursor = CursorCodec(["old"]).encode(page_start, ["acme"])
    assert CursorCodec(["new", "old"]).decode(cursor, ["acme"]) == list(page_start)
    with pytest.raises(CursorRefused):
        CursorCodec(["new"]).decode(cursor, ["acme"])


@pytest.mark.parametrize(
    ("kind", "position", "bound_to", "cursor"),
    [
        pytest.param(
            ASSET_LISTING,
            PageStart(bucket="2026-11", created_at_us=1_795_000_000_000_000, asset_id="a1"),
            ["acme", "date", "desc"],
            "5cvUEcJbkWP1j8qxlboD01siMjAyNi0xMSIsIDE3OTUwMDAwMDAwMDAwMDAsICJhMSJd",
            id="of a listing",
        ),
        pytest.param(
            CATEGORY_TREE,
            ("animals", "cats"),
            ["acme", "False", ""],
            "cAGmrAVWxcaXWbQ2LmiT-1siYW5pbWFscyIsICJjYXRzIl0",
            id="of a category tree",
        ),
    ],
)
def test_cursors_that_clients_hold_stay_valid(
    kind: bytes, position: Sequence[str | int | None], bound_to: list[str], cursor: str
) -> None:
    codec = CursorCodec(["today"], kind)
    assert codec.encode(position, bound_to) == cursor
    assert codec.decode(cursor, bound_to) == list(position)
