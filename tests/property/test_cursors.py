"""Paging: whatever comes and goes, what stays is shown once; and no cursor can be forged."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.cql import Row
from query_api.cursors import Cursors
from query_api.errors import CursorRefused
from query_api.listing import Order, Place, Span, read_page
from tests.unit.query_api.memory_queries import first

Key = tuple[int, str]

BUCKET_US = 10
keys = st.tuples(st.integers(0, 60), st.sampled_from("abc"))
orders = st.sampled_from(["asc", "desc"])


@dataclass
class MemoryShelf:
    """A shelf for tests, with ten microseconds to a bucket; some buckets were emptied long ago."""

    items: set[Key]
    emptied: frozenset[int] = field(default_factory=frozenset)

    async def buckets(self) -> Sequence[str]:
        return sorted(
            {f"{number:03}" for number in {us // BUCKET_US for us, _ in self.items} | self.emptied}
        )

    async def rows(self, bucket: str, span: Span, order: Order, limit: int) -> Sequence[Row]:
        rows = [
            {"created_at_us": us, "asset_id": asset_id}
            for us, asset_id in self.items
            if us // BUCKET_US == int(bucket)
        ]
        return first(rows, span, order, limit)


shelves = st.builds(
    MemoryShelf, items=st.sets(keys), emptied=st.frozensets(st.integers(0, 300), max_size=200)
)


@given(
    shelves=st.lists(shelves, min_size=1, max_size=3),
    changes=st.lists(st.tuples(st.integers(0, 2), st.booleans(), keys), max_size=30),
    order=orders,
    limit=st.integers(1, 7),
    bounds=st.tuples(st.integers(-1, 61), st.integers(-1, 61)),
)
def test_paging_shows_all_that_stays_once_and_in_order(
    shelves: list[MemoryShelf],
    changes: list[tuple[int, bool, Key]],
    order: Order,
    limit: int,
    bounds: tuple[int, int],
) -> None:
    since, until = bounds
    span = Span(after=(since, ""), before=(until, ""))
    stayed = set[Key]().union(*(shelf.items for shelf in shelves))
    ever = set(stayed)
    shown: list[Key] = []
    place: Place | None = None
    todo = list(changes)
    while True:
        page = asyncio.run(read_page(shelves, span=span, order=order, limit=limit, place=place))
        assert len(page.rows) <= limit
        shown += [(row["created_at_us"], row["asset_id"]) for row in page.rows]
        if page.next_place is None:
            break
        assert page.next_place != place
        place = page.next_place
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
    Place,
    bucket=words,
    created_at_us=st.none() | st.integers(-(2**63), 2**63 - 1),
    asset_id=st.none() | words,
)
CURSORS = Cursors(["today"])


@given(place=places, bound_to=bindings)
def test_a_cursor_brings_back_its_place(place: Place, bound_to: list[str]) -> None:
    assert CURSORS.open(CURSORS.seal(place, bound_to), bound_to) == place


@given(place=places, bound_to=bindings, other=bindings)
def test_a_cursor_of_another_query_is_refused(
    place: Place, bound_to: list[str], other: list[str]
) -> None:
    cursor = CURSORS.seal(place, bound_to)
    if other != bound_to:
        with pytest.raises(CursorRefused):
            CURSORS.open(cursor, other)


@given(place=places, data=st.data())
def test_a_cursor_with_any_character_changed_is_refused(place: Place, data: st.DataObject) -> None:
    cursor = CURSORS.seal(place, ["acme"])
    at = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.characters(codec="utf-8").filter(lambda one: one != cursor[at]))
    for forged in (cursor[:at] + letter + cursor[at + 1 :], cursor[:at], cursor + letter):
        with pytest.raises(CursorRefused):
            CURSORS.open(forged, ["acme"])


@given(garbage=st.text(max_size=600) | st.binary(max_size=400).map(bytes.hex))
def test_garbage_is_refused(garbage: str) -> None:
    with pytest.raises(CursorRefused):
        CURSORS.open(garbage, ["acme"])


@given(place=places)
def test_secrets_can_be_replaced_one_after_the_other(place: Place) -> None:
    cursor = Cursors(["old"]).seal(place, ["acme"])
    assert Cursors(["new", "old"]).open(cursor, ["acme"]) == place
    with pytest.raises(CursorRefused):
        Cursors(["new"]).open(cursor, ["acme"])
