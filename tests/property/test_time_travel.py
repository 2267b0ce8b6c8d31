"""At each moment, the past is what the log up to that moment folds to."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.asset.events import AssetEvent, AssetPurged
from domain.category.events import CatalogueEvent
from domain.values import CategoryId, Status
from query_api.errors import AssetGone
from query_api.images.public_urls import PublicUrls
from query_api.listing.bucket_sources import BucketSources
from query_api.listing.category_tree import CategoryTree
from query_api.listing.page_reader import read_page
from query_api.parameters import AssetAsOfParameters
from query_api.responses.assets import asset_answer
from query_api.time_travel.asset_as_of import asset_as_of
from read_models.asset_by_id.queries import find_asset
from read_models.asset_history.queries import asset_history
from read_models.bucketed_listing import Period
from read_models.categories_as_of.queries import all_categories_as_of
from read_models.keyset import KeyRange, SortOrder
from read_models.time import microseconds
from read_models.view_reader import ViewReader
from tests.property.test_projection_rows import A_LONG_LIFE
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.history_maker import Wish, tenant, wishes
from tests.support.log_fold import Rows, expected_rows
from tests.support.samples import ACME

Events = Sequence[AssetEvent | CatalogueEvent]

URLS = PublicUrls("https://img.example")
MOVED_AND_RENAMED: list[Wish] = [
    *(("submit", 0, 0, 1), ("publish", 0, 0, 1), ("categorise", 0, 1, 2), ("rename", 1, 1, 1)),
    *(("move", 1, 0, 1), ("archive", 2, 0, 0), ("describe", 0, 1, 1), ("delete", 0, 0, 0)),
    *(("unarchive", 2, 0, 0), ("restore", 0, 0, 0), ("publish", 0, 1, 1)),
]


def listed(
    views: ViewReader, then: datetime, category_id: str | None, order: SortOrder
) -> list[tuple[str, str]]:
    """Name and title what a shelf held, read two at a time."""

    async def read() -> list[tuple[str, str]]:
        sources = BucketSources(views)
        if category_id is None:
            shelves = [await sources.dates(ACME, Period(), as_of=then, is_fresh=True)]
        else:
            named = [CategoryId(category_id)]
            shelves = list(
                await sources.categories(ACME, named, Period(), as_of=then, is_fresh=True)
            )
        found, page_start = [], None
        while True:
            page = await read_page(
                shelves, span=KeyRange(), order=order, limit=2, page_start=page_start
            )
            found += [(row["asset_id"], row["title"]) for row in page.rows]
            page_start = page.next_start
            if page_start is None:
                return found

    return asyncio.run(read())


def titles(rows: Rows, purged: Collection[str], *partition: str) -> list[tuple[str, str]]:
    """Name and title what a view of the present holds, the oldest first."""
    found = [
        (*key[-2:], row["title"])
        for key, row in rows.items()
        if key[: len(partition)] == partition and key[-1] not in purged
    ]
    return [(asset_id, title) for _, asset_id, title in sorted(found)]


@given(wishes, st.lists(st.integers(0, 59), min_size=1, max_size=3))
@example(A_LONG_LIFE, list(range(20)))
@example(MOVED_AND_RENAMED, list(range(14)))
def test_listings_and_trees_of_the_past_are_the_fold_of_the_log_until_then(
    chosen: list[Wish], picked: list[int]
) -> None:
    events = tenant(chosen).events
    views = ViewReader(MemoryTables(events))
    purged = {event.asset_id for event in events if isinstance(event, AssetPurged)}
    moments = sorted(event.metadata.happened_at for event in events)
    for then in {moments[number % len(moments)] for number in picked}:
        expected = expected_rows(each for each in events if each.metadata.happened_at <= then)
        by_date = titles(expected["assets_by_date"], purged, ACME)
        assert listed(views, then, None, "asc") == by_date
        assert listed(views, then, None, "desc") == by_date[::-1]
        for _, category_id in expected_rows(events)["categories"]:
            there = titles(expected["assets_by_category"], purged, ACME, category_id)
            assert listed(views, then, category_id, "asc") == there
        tree = asyncio.run(all_categories_as_of(views, ACME, microseconds(then)))
        assert {
            (ACME, row["category_id"]): {name: row[name] for name in row if name != "category_id"}
            for row in tree
        } == expected["categories"]


@given(wishes)
@example(A_LONG_LIFE)
@example([("submit", 0, 0, 0), ("describe", 0, 1, 1), ("publish", 0, 1, 1)])
def test_each_version_of_an_asset_is_shown_as_it_was_when_it_was_the_last(
    chosen: list[Wish],
) -> None:
    events = tenant(chosen).events
    whole, growing = ViewReader(MemoryTables(events)), MemoryTables()
    purged = {event.asset_id for event in events if isinstance(event, AssetPurged)}
    for event in events:
        growing.apply(event)
        if not isinstance(event, AssetEvent):
            continue
        asset_id, version = event.asset_id, event.metadata.entity_version
        history = asyncio.run(asset_history(whole, ACME, asset_id))
        then = asyncio.run(find_asset(ViewReader(growing), ACME, asset_id))
        assert then is not None
        for asked in (
            AssetAsOfParameters(version=version),
            AssetAsOfParameters(as_of=event.metadata.happened_at),
        ):
            if asset_id in purged and then["status"] != Status.PURGED:
                with pytest.raises(AssetGone):
                    asset_as_of(history, asset_id, asked)
            else:
                assert answered(asset_as_of(history, asset_id, asked)) == answered(then)


def answered(row: Any) -> Any:  # noqa: ANN401 - an answer is any JSON
    return msgspec.json.decode(msgspec.json.encode(asset_answer(row, CategoryTree(()), URLS)))
