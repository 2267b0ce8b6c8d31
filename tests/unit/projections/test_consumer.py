"""Following the log: nothing is skipped, whatever goes wrong on the way."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NoReturn

import pytest

from avro_schemas.codec import Message, encode
from domain.asset.events import AssetEvent
from domain.outcomes import CommandRefused
from domain.values import CommandId
from infra.cassandra.row_operations import RowOperation
from infra.errors import BrokerUnavailable, ViewsMissing
from infra.kafka.topics import ASSET_EVENTS, CATEGORY_EVENTS, COMMAND_RESULTS
from projections import parked_record_retry
from projections.errors import EventsLost, HistoryHasGap
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.categories.projection import CATEGORIES
from read_models.commands.projection import OUTCOMES
from read_models.registry import VIEWS
from read_models.view import ViewGeneration
from tests.support.fakes.memory_views import MemoryViewStore
from tests.support.fakes.projection_fakes import LIVE, Log, Reader, Run, Script, place_of
from tests.support.history_maker import Wish, tenant
from tests.support.log_fold import Rows, expected_rows, readable
from tests.support.samples import ACME, NOON, metadata, publish

WISHES: list[Wish] = [
    *(("submit", n, n, 2) for n in range(3)),
    *(("publish", n, n, 1) for n in range(3)),
    ("describe", 0, 1, 1),
    ("categorise", 1, 0, 2),
    ("delete", 2, 0, 0),
    ("rename", 0, 1, 1),
    ("restore", 2, 0, 0),
    ("replace", 0, 1, 0),
    ("reject", 0, 1, 2),
    ("describe", 0, 2, 2),
]
EVENTS = tenant(WISHES).events
REFUSED = CommandRefused(
    command_id=CommandId("c-1"),
    tenant_id=ACME,
    entity_id="a-1",
    decided_at=NOON,
    problem="AssetNotFound",
    detail="no asset a-1",
    members={},
)
FOLDED = (ASSET_EVENTS, CATEGORY_EVENTS)
TABLES = {table.name: table for view in VIEWS for table in view.tables if view.topic in FOLDED}


def log_of_everything() -> Log:
    log = Log()
    log.add(EVENTS)
    return log


def shown(store: MemoryViewStore) -> dict[str, Rows]:
    return {name: readable(store.rows(table)) for name, table in TABLES.items()}


def applied(store: MemoryViewStore) -> dict[tuple[str, str, int], int]:
    return {
        (each.view, each.topic, each.partition): each.applied_offset
        for live in LIVE
        for each in store.checkpoints(live.view.name, 1)
    }


def test_the_views_show_the_fold_of_the_log() -> None:
    store = MemoryViewStore()
    Run(log_of_everything(), store)
    assert shown(store) == expected_rows(EVENTS)


def test_every_checkpoint_ends_up_at_the_end_control_markers_included() -> None:
    log, store = log_of_everything(), MemoryViewStore()
    Run(log, store)
    assert applied(store) == {
        (live.view.name, *partition): end
        for live in LIVE
        for partition, end in log.ends.items()
        if partition[0] == live.view.topic.name and end > 0
    }


def test_a_checkpoint_counts_the_events() -> None:
    log, store = log_of_everything(), MemoryViewStore()
    Run(log, store)
    for kept in store.checkpoints("asset_by_id", 1):
        assert kept.event_count == len(log.records[kept.topic, kept.partition])


def test_the_next_life_goes_on_where_the_last_one_ended() -> None:
    log, store = Log(), MemoryViewStore()
    log.add(EVENTS[:7])
    Run(log, store)
    before = store.writes
    Run(log, store)
    assert store.writes == before
    log.add(EVENTS[7:])
    Run(log, store)
    assert shown(store) == expected_rows(EVENTS)


def test_a_new_view_catches_up_while_the_others_go_on() -> None:
    log, store = Log(), MemoryViewStore()
    log.add(EVENTS[:9])
    Run(log, store, live=[live for live in LIVE if live.view.name != "asset_history"])
    log.add(EVENTS[9:])
    Run(log, store)
    assert shown(store) == expected_rows(EVENTS)
    for kept in [*store.checkpoints("asset_by_id", 1), *store.checkpoints("asset_history", 1)]:
        assert kept.event_count == len(log.records[kept.topic, kept.partition])


def test_the_group_is_told_how_far_the_views_are() -> None:
    log = log_of_everything()
    assert Run(log, MemoryViewStore()).reader.committed == log.ends


def test_lag_falls_to_nothing() -> None:
    run = Run(log_of_everything(), MemoryViewStore())
    place = {"topic": "asset-events", "partition": "0"}
    assert run.metric("lag_records", **place) == 0
    assert run.metric("lag_seconds", **place) == 0
    assert run.metric("events_applied_total", topic="asset-events") == len(
        [event for event in EVENTS if isinstance(event, AssetEvent)]
    )


def test_a_store_that_is_away_at_the_start_is_waited_for_in_the_group() -> None:
    store = MemoryViewStore()
    store.is_away = True

    def come_back(_: Reader, paused_polls: int) -> None:
        store.is_away = paused_polls < 3

    run = Run(log_of_everything(), store, Script(while_paused=come_back))
    assert run.reader.paused_polls == 3
    assert shown(store) == expected_rows(EVENTS)


def test_a_store_that_goes_away_later_is_waited_for_too() -> None:
    log, store = Log(), MemoryViewStore()
    log.add(EVENTS[:5])

    def go_away(_: Reader) -> None:
        log.add(EVENTS[5:])
        store.is_away = True

    def come_back(_: Reader, paused_polls: int) -> None:
        store.is_away = paused_polls < 2

    Run(log, store, Script(at_poll={2: go_away}, while_paused=come_back))
    assert shown(store) == expected_rows(EVENTS)


def test_a_store_that_comes_back_with_older_data_is_written_again() -> None:
    log, store = Log(), MemoryViewStore()
    log.add(EVENTS[:5])
    Run(log, store)
    old = store.copy()
    log.add(EVENTS[5:9])

    def go_away(_: Reader) -> None:
        log.add(EVENTS[9:])
        store.is_away = True

    def come_back_as_it_was(_: Reader, _polls: int) -> None:
        store.put_back(old)
        store.is_away = False

    run = Run(log, store, Script(at_poll={2: go_away}, while_paused=come_back_as_it_was))
    assert shown(store) == expected_rows(EVENTS)
    assert run.metric("rewinds_total") == 1


def test_an_emptied_store_is_written_again() -> None:
    log, store = log_of_everything(), MemoryViewStore()
    empty = store.copy()
    Run(log, store)
    store.put_back(empty)
    Run(log, store)
    assert shown(store) == expected_rows(EVENTS)


def test_what_the_reader_lost_is_read_again() -> None:
    def lose_them(_: Reader) -> NoReturn:
        raise BrokerUnavailable("the offset is gone")

    store = MemoryViewStore()
    Run(log_of_everything(), store, Script(at_poll={1: lose_them}))
    assert shown(store) == expected_rows(EVENTS)


def test_an_event_that_stands_in_the_log_twice_counts_once() -> None:
    log, store = Log(), MemoryViewStore()
    log.add(EVENTS)
    log.add([event for event in EVENTS if event.metadata.entity_version > 1])
    run = Run(log, store)
    assert shown(store) == expected_rows(EVENTS)
    assert run.metric("events_applied_total", topic="category-events") == len(
        [event for event in EVENTS if not isinstance(event, AssetEvent)]
    )


def test_a_missing_event_stops_everything() -> None:
    log, store = Log(), MemoryViewStore()
    third = [e for e in EVENTS if e.metadata.entity_id == EVENTS[-1].metadata.entity_id][2]
    log.add([event for event in EVENTS if event != third])
    with pytest.raises(HistoryHasGap, match="from version 2 to 4"):
        Run(log, store)
    assert applied(store) == {}


@pytest.mark.parametrize("value", [b"", b"\0", b"\0\0\0\xff\xffwrong id", b"{}"])
def test_what_cannot_be_read_is_parked_and_the_line_goes_on(value: bytes) -> None:
    log, store = Log(), MemoryViewStore()
    log.add(EVENTS[:6])
    partition = place_of(EVENTS[-1])
    offset = log.append(partition, EVENTS[-1].metadata.entity_id, value)
    log.add(EVENTS[6:])
    run = Run(log, store)
    (letter,) = run.letters
    assert (letter.topic, letter.partition, letter.offset) == (*partition, offset)
    assert (letter.value, letter.code) == (value, "undecodable")
    behind = EVENTS[-1].metadata.entity_id
    seen = [e for e in EVENTS[:6] if e.metadata.entity_id == behind]
    others = [e for e in EVENTS if e.metadata.entity_id != behind]
    assert shown(store) == expected_rows([*others, *seen])
    assert run.metric("dead_letters_total", topic=partition[0]) == 1


def test_events_behind_one_that_cannot_be_read_wait_in_order_until_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, store = Log(), MemoryViewStore()
    entity = EVENTS[-1].metadata.entity_id
    own = [event for event in EVENTS if event.metadata.entity_id == entity]
    others = [event for event in EVENTS if event.metadata.entity_id != entity]

    def rows(message: Message) -> Iterator[RowOperation]:
        if message == own[1]:
            raise ValueError("not yet")
        return ASSET_BY_ID.rows(message)

    failing = replace(ASSET_BY_ID, rows=rows)
    broken = [replace(live, view=failing) if live.view == ASSET_BY_ID else live for live in LIVE]
    log.add(EVENTS[: EVENTS.index(own[-1])])
    (letter,) = Run(log, store, live=broken).letters
    log.add(EVENTS[EVENTS.index(own[-1]) :])
    later = Run(log, store, live=broken)
    assert later.letters == []  # a life later they still wait
    assert later.metric("entities_waiting", view="asset_by_id", generation="1") == 1
    assert later.metric("entities_waiting", view="asset_history", generation="1") == 0

    (topic, partition), assets = place_of(own[0]), TABLES["asset_by_id"]
    waiting = store.parked_records.parked("asset_by_id", 1)
    assert [each.code for each in waiting] == ["view_failed", *["behind"] * (len(own) - 2)]
    assert (letter.topic, letter.partition, letter.offset) == (topic, partition, waiting[0].offset)
    assert readable(store.rows(assets)) == expected_rows([*others, own[0]])["asset_by_id"]

    monkeypatch.setattr(parked_record_retry, "_AT_ONCE", 2)
    run = Run(log, store)
    assert run.metric("entities_waiting", view="asset_by_id", generation="1") == 0
    assert run.reader.paused_polls == math.ceil(len(waiting) / 2)  # so it stays in the group
    assert store.parked_records.parked("asset_by_id", 1) == []
    assert readable(store.rows(assets)) == expected_rows(EVENTS)["asset_by_id"]


def test_what_is_parked_is_left_to_whoever_takes_the_partition_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, store = Log(), MemoryViewStore()

    def rows(_: Message) -> Iterator[RowOperation]:
        raise ValueError("not yet")

    failing = replace(ASSET_BY_ID, rows=rows)
    broken = [replace(live, view=failing) if live.view == ASSET_BY_ID else live for live in LIVE]
    log.add(EVENTS)
    Run(log, store, live=broken)
    waiting = len(store.parked_records.parked("asset_by_id", 1))
    monkeypatch.setattr(parked_record_retry, "_AT_ONCE", 2)

    def lose_all(reader: Reader, polls: int) -> None:
        if polls == 1:
            reader.lose((ASSET_EVENTS.name, 0))
            reader.lose((ASSET_EVENTS.name, 1))

    Run(log, store, Script(while_paused=lose_all))
    assert len(store.parked_records.parked("asset_by_id", 1)) == waiting - 2


def test_a_view_goes_on_without_a_record_that_was_accepted_as_lost() -> None:
    log, store = Log(), MemoryViewStore()
    spoilt = EVENTS[-2]
    for event in EVENTS:
        if event is spoilt:
            log.append(place_of(event), event.metadata.entity_id, b"spoilt")
        else:
            log.add([event])
    Run(log, store)
    assets, last = TABLES["asset_by_id"], EVENTS[-1].metadata
    key = (last.tenant_id, last.entity_id)
    assert store.rows(assets)[key]["version"] == spoilt.metadata.entity_version - 1
    poison = store.parked_records.parked("asset_by_id", 1)[0]
    store.parked_records.pass_over([poison], "a disk was full")
    Run(log, store)
    assert store.rows(assets)[key]["version"] == last.entity_version


def test_a_message_that_belongs_elsewhere_is_parked() -> None:
    log = log_of_everything()
    elsewhere = publish(metadata(EVENTS[-1].metadata.entity_id))
    log.append((ASSET_EVENTS.name, 0), "x", encode(elsewhere))
    (letter,) = Run(log, MemoryViewStore()).letters
    assert "PublishAsset does not belong" in letter.detail


def test_a_view_that_fails_does_not_hold_up_the_others() -> None:
    def fail(_: object) -> NoReturn:
        raise ValueError("no such month")

    broken = ViewGeneration(view=replace(CATEGORIES, name="broken", rows=fail), generation=1)
    store = MemoryViewStore()
    run = Run(log_of_everything(), store, live=[broken, *LIVE])
    assert {letter.detail for letter in run.letters} == {"broken: ValueError: no such month"}
    assert shown(store) == expected_rows(EVENTS)


def test_what_was_on_its_way_when_a_generation_was_dropped_is_read_again() -> None:
    live = [ViewGeneration(view=ASSET_BY_ID, generation=2), *LIVE]

    class DroppedMeanwhile(MemoryViewStore):
        def write(self, operations: Iterable[RowOperation], *, generation: int) -> None:
            if generation == 2:
                live[:] = LIVE
                raise ViewsMissing("no table asset_by_id_g2")
            super().write(operations, generation=generation)

    store = DroppedMeanwhile()
    Run(log_of_everything(), store, live=live)
    assert shown(store) == expected_rows(EVENTS)


def test_a_log_that_lost_its_beginning_stops_everything() -> None:
    log, store = log_of_everything(), MemoryViewStore()
    log.firsts[ASSET_EVENTS.name, 0] = 1
    with pytest.raises(EventsLost, match="stands at offset 0 of asset-events 0, which has 1 to"):
        Run(log, store)


def test_a_log_that_is_not_the_one_the_views_were_built_from_stops_everything() -> None:
    store = MemoryViewStore()
    Run(log_of_everything(), store)
    with pytest.raises(EventsLost, match="is this the log"):
        Run(Log(), store)


def test_answers_that_were_forgotten_meanwhile_are_done_without() -> None:
    log, store = log_of_everything(), MemoryViewStore()
    place = (COMMAND_RESULTS.name, 0)
    log.firsts[place] = log.ends[place] = 40
    log.append(place, REFUSED.command_id, encode(REFUSED))
    Run(log, store)
    assert {key[:2] for key in store.rows(OUTCOMES)} == {(REFUSED.tenant_id, REFUSED.command_id)}
    assert applied(store)["commands", *place] == 41


def test_a_partition_that_was_taken_away_is_left_alone() -> None:
    log, store = Log(), MemoryViewStore()
    log.add(EVENTS[:5])
    taken = place_of(EVENTS[-1])
    end = log.ends[taken]

    def lose(reader: Reader) -> None:
        reader.lose(taken)
        log.add(EVENTS[5:])

    run = Run(log, store, Script(at_poll={2: lose}))
    assert applied(store)["asset_by_id", *taken] == end < log.ends[taken]
    assert run.metric("lag_records", topic=taken[0], partition=str(taken[1])) is None
