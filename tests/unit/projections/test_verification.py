"""A view is compared with a fold of the log; what differs is named, and put right for good."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.asset.events import AssetEvent
from domain.values import TenantId
from infra.cassandra.row_operations import ColumnValue, Delete, Table, Upsert
from infra.kafka.topics import ASSET_EVENTS
from projections.rebuild.rebuilds import REBUILDABLE
from projections.verification.expected_row import ExpectedRow
from projections.verification.generation_check import PARTS, GenerationCheck
from projections.verification.log_fold import LogFold
from projections.verification.spill import OperationSpill
from read_models.asset_by_id.projection import ASSET_BY_ID, ASSETS
from read_models.assets_by_date.projection import ASSETS_BY_DATE, LISTING
from read_models.consistency_results import ConsistencyResult
from read_models.view import View, ViewGeneration
from tests.support.fakes.projection_fakes import Log
from tests.support.history_maker import VERBS, tenant
from tests.support.long_histories import categories_of, picture
from tests.support.rebuild_parts import LogSource, Parts
from tests.support.samples import ACME, NOON

GLOBEX = TenantId("globex")
WISHES = [(VERBS[n % len(VERBS)], n % 3, (n // 3) % 3, (n // 5) % 3) for n in range(90)]
CATEGORIES, CATALOGUE = categories_of(GLOBEX, NOON)
EVENTS = [
    *tenant(WISHES).events,
    *CATEGORIES,
    *(event for n in range(100, 109) for event in picture(GLOBEX, n, CATALOGUE, NOON, events=6)),
]
AFTER_ALL = time.time() + 400 * 86_400  # the sample histories lie in a fixed year


def parts_of(view: View) -> Parts:
    log = Log()
    log.add(EVENTS)
    return Parts(log, [view])


def check(
    parts: Parts, view: View, directory: Path, *, repairs: bool = False, now: float = AFTER_ALL
) -> ConsistencyResult:
    starts = dict.fromkeys(range(view.topic.partitions), 0)
    with OperationSpill(view.tables, PARTS, directory) as spill:
        fold = LogFold(
            view,
            source=LogSource(parts.log, view.topic, starts),
            spill=spill,
            part_of=lambda table, key: parts.rows.part_of(table, key, PARTS),
        )
        return GenerationCheck(
            ViewGeneration(view=view, generation=1),
            fold=fold,
            rows=parts.rows,
            ends=parts.ends,
            wait_for_offsets=lambda ends: parts.feed(),
            store=parts.store if repairs else None,
            now=lambda: now,
        ).run()


@pytest.mark.parametrize("view", REBUILDABLE, ids=lambda view: view.name)
def test_a_view_that_followed_the_log_equals_it(view: View, tmp_path: Path) -> None:
    parts = parts_of(view)
    result = check(parts, view, tmp_path)
    assert result.is_equal
    assert result.row_count == sum(len(parts.store.rows(table)) for table in view.tables)
    assert sum(result.positions.values()) == sum(
        end for (topic, _), end in parts.log.ends.items() if topic == view.topic.name
    )
    assert list(tmp_path.iterdir()) == []


def test_rows_that_were_lost_come_back_at_the_moments_of_their_events(tmp_path: Path) -> None:
    parts = parts_of(ASSETS_BY_DATE)
    (key, row), *_ = parts.store.rows(LISTING).items()
    before = parts.store.rows(LISTING)
    parts.store.lose(LISTING, key)
    result = check(parts, ASSETS_BY_DATE, tmp_path)
    (one,) = result.differences
    assert (one.kind, tuple(one.key.values())) == ("missing", key)
    assert one.columns["media_type"] == (row["media_type"], None)
    by_log, found = one.columns["title"]
    assert (str(by_log)[:7], found) == ("sealed ", None)
    # a moment before every event: nothing may have been written over all
    assert check(parts, ASSETS_BY_DATE, tmp_path, repairs=True, now=61.0).repaired_count == 1
    assert parts.store.rows(LISTING) == before


def test_what_was_written_later_than_the_events_is_beaten(tmp_path: Path) -> None:
    parts = parts_of(ASSET_BY_ID)
    before = parts.store.rows(ASSETS)
    keys = list(before)
    lately = int((AFTER_ALL - 90) * 1_000_000)
    ghost = ("acme", "ghost")
    parts.store.write(
        [
            Delete(table=ASSETS, key=keys[0], written_at_us=lately),
            Upsert(table=ASSETS, key=keys[1], columns={"title": "x"}, written_at_us=lately),
            Upsert(table=ASSETS, key=ghost, columns={"title": "boo"}, written_at_us=lately),
        ],
        generation=1,
    )
    assert check(parts, ASSET_BY_ID, tmp_path).difference_count == 3
    mended = check(parts, ASSET_BY_ID, tmp_path, repairs=True)
    assert (mended.difference_count, mended.repaired_count) == (0, 3)
    assert parts.store.rows(ASSETS) == before
    later = Upsert(
        table=ASSETS, key=keys[0], columns={"title": "later"}, written_at_us=lately + 60_000_000
    )
    parts.store.write([later], generation=1)
    assert parts.store.rows(ASSETS)[keys[0]]["title"] == "later"


def test_what_was_written_within_the_last_minute_is_left_for_the_next_time(tmp_path: Path) -> None:
    parts = parts_of(ASSET_BY_ID)
    key, *_ = parts.store.rows(ASSETS)
    now_us = int(AFTER_ALL * 1_000_000)
    spoilt = Upsert(table=ASSETS, key=key, columns={"title": "x"}, written_at_us=now_us)
    parts.store.write([spoilt], generation=1)
    result = check(parts, ASSET_BY_ID, tmp_path, repairs=True)
    assert (result.difference_count, result.repaired_count) == (1, 0)
    later = check(parts, ASSET_BY_ID, tmp_path, repairs=True, now=AFTER_ALL + 61)
    assert (later.difference_count, later.repaired_count) == (0, 1)


def test_rows_that_change_while_they_are_compared_do_not_count(tmp_path: Path) -> None:
    parts = parts_of(ASSET_BY_ID)
    more = iter(others(8))

    theirs = parts.rows.part_of(ASSETS, (ACME, "new-1"), PARTS)

    def write(_generation: int, part: int) -> None:
        """Let the view be ahead of the fold each time that these rows are read."""
        if part == theirs:
            parts.log.add(next(more, ()))
            parts.feed()

    parts.rows.before_reading = write
    assert check(parts, ASSET_BY_ID, tmp_path).is_equal


def others(times: int) -> Iterator[list[AssetEvent]]:
    """Give the history of one more asset, a few events at a time."""
    history = [e for e in EVENTS if isinstance(e, AssetEvent)]
    first = history[0].metadata.entity_id
    own = [
        replace(e, metadata=replace(e.metadata, entity_id="new-1"))
        for e in history
        if e.metadata.entity_id == first
    ]
    size = max(1, len(own) // times)
    return (own[start : start + size] for start in range(0, len(own), size))


def test_an_entity_behind_a_record_that_cannot_be_read_ends_there(tmp_path: Path) -> None:
    parts = parts_of(ASSET_BY_ID)
    parts.log.append((ASSET_EVENTS.name, 0), "spoilt", b"")
    parts.feed()
    result = check(parts, ASSET_BY_ID, tmp_path)
    assert (result.difference_count, result.waiting_count) == (0, 1)


@pytest.mark.parametrize("until", [0, 5, 50])
def test_both_ways_of_writing_a_row_make_it_what_it_must_be(until: int, tmp_path: Path) -> None:
    table = Table(name="t", partition_key=("id",))
    key: tuple[ColumnValue, ...] = ("a",)
    for count in range(1, 5):
        expected = ExpectedRow()
        operations = (
            Upsert(table=table, key=key, columns={"x": 1, "y": 1}, written_at_us=1),
            Upsert(table=table, key=key, columns={"x": 2}, written_at_us=3),
            Delete(table=table, key=key, written_at_us=4),
            Upsert(table=table, key=key, columns={"y": 3}, written_at_us=10),
        )
        for operation in operations[:count]:
            expected.apply(operation)
        parts = Parts(Log(), [])
        parts.store.write(expected.at_event_times(table, key), generation=1)
        parts.store.write(expected.overwriting_until(until, table, key), generation=1)
        assert parts.store.rows(table).get(key) == expected.columns()
