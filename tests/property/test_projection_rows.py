"""Whatever happens, in whatever order and however often it is applied, views show the fold."""

from collections.abc import Iterable
from random import Random

from hypothesis import example, given
from hypothesis import strategies as st

from domain.asset.events import AssetEvent
from domain.category.events import CatalogueEvent
from infra.cassandra.row_operations import RowOperation, collapse_operations
from infra.kafka.topics import ASSET_EVENTS, CATEGORY_EVENTS
from read_models.registry import VIEWS
from tests.support.fakes.memory_views import MemoryViewStore
from tests.support.history_maker import Wish, tenant, wishes
from tests.support.log_fold import Rows, expected_rows, readable

Events = list[AssetEvent | CatalogueEvent]
TABLES = {
    table.name: table
    for view in VIEWS
    for table in view.tables
    if view.topic in (ASSET_EVENTS, CATEGORY_EVENTS)
}

A_LONG_LIFE: list[Wish] = [
    *(("submit", 0, 0, 1), ("reject", 0, 0, 1), ("replace", 0, 1, 0), ("publish", 0, 1, 1)),
    *(("reprocess", 0, 1, 0), ("reject", 0, 1, 2), ("replace", 0, 0, 0), ("publish", 0, 2, 0)),
    *(("categorise", 0, 1, 2), ("reprocess", 0, 2, 0), ("delete", 0, 0, 0), ("restore", 0, 0, 0)),
    *(("publish", 0, 2, 2), ("adjust", 0, 2, 1), ("retag", 0, 1, 2), ("republish", 0, 1, 1)),
    *(("refresh", 0, 0, 0), ("delay", 0, 1, 1), ("confirm", 0, 1, 0), ("refresh", 0, 0, 1)),
    *(
        ("reprocess", 0, 1, 0),
        ("republish", 0, 0, 1),
        ("publish", 0, 2, 2),
        ("delete", 0, 0, 0),
        ("purge", 0, 0, 0),
        ("publish", 0, 2, 2),
    ),
]


def operations(events: Iterable[AssetEvent | CatalogueEvent]) -> list[RowOperation]:
    return [
        operation
        for event in events
        for topic in [ASSET_EVENTS if isinstance(event, AssetEvent) else CATEGORY_EVENTS]
        for view in VIEWS
        if view.topic == topic
        for operation in view.rows(event)
    ]


def shown(store: MemoryViewStore) -> dict[str, Rows]:
    return {name: readable(store.rows(table)) for name, table in TABLES.items()}


@given(wishes)
@example(A_LONG_LIFE)
def test_the_rows_are_the_fold_of_the_events(chosen: list[Wish]) -> None:
    events = tenant(chosen).events
    store = MemoryViewStore()
    for event in events:
        store.write(operations([event]), generation=1)
    assert shown(store) == expected_rows(events)


@given(wishes, st.integers(1, 12))
def test_collapsed_batches_end_in_the_same_rows(chosen: list[Wish], size: int) -> None:
    events = tenant(chosen).events
    store = MemoryViewStore()
    for start in range(0, len(events), size):
        written = collapse_operations(operations(events[start : start + size]))
        assert len({(type(o), o.table, o.key) for o in written}) == len(written)
        store.write(written, generation=1)
    assert shown(store) == expected_rows(events)


@given(wishes, st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), max_size=4))
def test_applying_any_stretch_again_changes_nothing(
    chosen: list[Wish], stretches: list[tuple[int, int]]
) -> None:
    events = tenant(chosen).events
    store = MemoryViewStore()
    store.write(collapse_operations(operations(events)), generation=1)
    for start, length in stretches:
        store.write(collapse_operations(operations(events[start : start + length])), generation=1)
    assert shown(store) == expected_rows(events)


@given(wishes, st.randoms(use_true_random=False))
def test_the_order_of_writes_does_not_matter(chosen: list[Wish], chance: Random) -> None:
    events = tenant(chosen).events
    shuffled = operations(events)
    chance.shuffle(shuffled)
    store = MemoryViewStore()
    store.write(shuffled, generation=1)
    assert shown(store) == expected_rows(events)
