"""Building another generation: all of it, once, whatever goes wrong on the way."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from avro_schemas.codec import Message
from domain.asset.events import AssetDescribed
from infra.cassandra.row_operations import RowOperation
from infra.cassandra.view_store import Checkpoint
from infra.kafka.topics import ASSET_EVENTS
from projections import consumer
from projections.rebuild.builder import EventRateLimit, PartitionSubset
from projections.rebuild.errors import AlreadyRebuilding, NoSuchGeneration, NotRebuildable
from projections.rebuild.growth_rate import GrowthRate
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.assets_by_date.projection import ASSETS_BY_DATE
from read_models.categories.projection import CATEGORIES
from read_models.commands.projection import COMMANDS
from read_models.generation_status import GenerationStatus, generation_status
from read_models.view import ViewGeneration
from tests.contract.generations import planned
from tests.support.fakes.memory_views import MemoryViewStore
from tests.support.fakes.projection_fakes import LIVE, Log, Run, Script
from tests.support.log_fold import expected_rows
from tests.support.long_histories import categories_of, picture
from tests.support.rebuild_parts import Children, CountingStop, Parts
from tests.support.samples import ACME, NOON

LISTING = ASSETS_BY_DATE.tables[0]


def log_of(pictures: int, first: int = 0) -> Log:
    log = Log()
    add(log, pictures, first)
    return log


def add(log: Log, pictures: int, first: int = 0) -> None:
    _, catalogue = categories_of(ACME, NOON)
    for number in range(first, first + pictures):
        log.add(picture(ACME, number, catalogue, NOON + timedelta(hours=number)))


def test_a_rebuilt_view_has_the_rows_that_the_log_tells() -> None:
    parts = Parts(log_of(12))
    built = parts.built(ASSETS_BY_DATE)
    assert (built.number, built.state) == (2, "following")
    _, catalogue = categories_of(ACME, NOON)
    events = [
        event
        for number in range(12)
        for event in picture(ACME, number, catalogue, NOON + timedelta(hours=number))
    ]
    expected = expected_rows(events)
    for table in ASSETS_BY_DATE.tables:
        assert parts.store.rows(table, 2) == expected[table.name]


def test_an_asset_with_ten_events_is_one_write_to_each_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = Parts(log_of(1), [ASSET_BY_ID])
    written: list[RowOperation] = []
    write = MemoryViewStore.write

    def counting(
        store: MemoryViewStore, operations: Iterable[RowOperation], generation: int
    ) -> None:
        kept = list(operations)
        written.extend(kept)
        write(store, kept, generation=generation)

    monkeypatch.setattr(MemoryViewStore, "write", counting)
    parts.planner.start(ASSET_BY_ID)
    parts.builder().run(CountingStop(8))
    assert len(written) == 1
    assert parts.store.rows(ASSET_BY_ID.tables[0], 2) == parts.store.rows(ASSET_BY_ID.tables[0], 1)


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", ["write", "save"])
@pytest.mark.parametrize("survived", range(3))
def test_a_killed_rebuild_goes_on_from_its_checkpoints(
    step: str, survived: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.rebuild.builder._CHUNK", 30)
    parts = Parts(log_of(20))
    parts.planner.start(ASSETS_BY_DATE)
    really = getattr(parts.store, step)
    calls = 0

    def dies(*args: object, **named: object) -> None:
        nonlocal calls
        calls += 1
        if calls > survived:
            raise Killed
        really(*args, **named)

    monkeypatch.setattr(parts.store, step, dies)
    with pytest.raises(Killed):
        parts.builder().run(CountingStop(20))
    monkeypatch.setattr(parts.store, step, really)
    before = applied(parts, 2)
    parts.builder().run(CountingStop(20))
    assert before < applied(parts, 2) == applied(parts, 1)
    assert parts.store.rows(LISTING, 2) == parts.store.rows(LISTING, 1)


def applied(parts: Parts, generation: int) -> int:
    found = parts.store.checkpoints("assets_by_date", generation)
    return sum(each.applied_offset for each in found)


def test_shares_build_every_partition_once() -> None:
    subsets = [
        PartitionSubset(number=number, of=5).partitions([ASSET_EVENTS]) for number in range(5)
    ]
    assert sorted(partition for share in subsets for partition in share) == [
        (ASSET_EVENTS.name, number) for number in range(12)
    ]


def test_a_share_builds_nothing_of_the_others() -> None:
    parts = Parts(log_of(12))
    parts.planner.start(ASSETS_BY_DATE, processes=2)
    parts.builder(PartitionSubset(number=1, of=2)).run(CountingStop(8))
    assert {each.partition for each in parts.store.checkpoints("assets_by_date", 2)} == {1}


def test_a_paused_rebuild_writes_nothing_until_it_is_resumed() -> None:
    parts = Parts(log_of(12))
    parts.planner.start(ASSETS_BY_DATE)
    parts.planner.steer("assets_by_date", is_paused=True)
    parts.builder().run(CountingStop(8))
    assert parts.store.checkpoints("assets_by_date", 2) == []
    parts.planner.steer("assets_by_date", is_paused=False)
    parts.builder().run(CountingStop(8))
    assert applied(parts, 2) == applied(parts, 1)


def test_several_views_are_built_from_one_reading() -> None:
    parts = Parts(log_of(12), [ASSETS_BY_DATE, ASSET_BY_ID])
    for view in (ASSETS_BY_DATE, ASSET_BY_ID):
        parts.planner.start(view)
    parts.builder().run(CountingStop(8))
    for view in (ASSETS_BY_DATE, ASSET_BY_ID):
        for table in view.tables:
            assert parts.store.rows(table, 2) == parts.store.rows(table, 1) != {}


def test_a_cancelled_rebuild_is_left_alone() -> None:
    parts = Parts(log_of(3))
    parts.planner.start(ASSETS_BY_DATE)
    parts.planner.cancel("assets_by_date")
    parts.builder().run(CountingStop(100))
    assert parts.store.checkpoints("assets_by_date", 2) == []
    with pytest.raises(NoSuchGeneration):
        parts.planner.steer("assets_by_date", is_paused=False)
    assert parts.planner.start(ASSETS_BY_DATE).number == 3  # a number is never used again


def test_one_record_that_cannot_be_read_fails_the_rebuild() -> None:
    parts = Parts(log_of(3))
    parts.log.append((ASSET_EVENTS.name, 0), "a-1", b"garbage")
    parts.planner.start(ASSETS_BY_DATE)
    parts.builder().run(CountingStop(100))
    failed = parts.generations.get("assets_by_date", 2)
    assert failed.state == "failed"
    assert "asset-events:0:" in failed.reason


def test_a_failed_rebuild_can_be_tried_again_once_its_view_is_mended() -> None:
    def fails(message: Message) -> Iterator[RowOperation]:
        match message:
            case AssetDescribed():
                raise RuntimeError("no title")
            case _:
                yield from ASSETS_BY_DATE.rows(message)

    broken = replace(ASSETS_BY_DATE, rows=fails)
    parts = Parts(log_of(3))
    parts.known.insert(0, broken)
    parts.planner.start(broken)
    parts.builder().run(CountingStop(100))
    assert "no title" in parts.generations.get("assets_by_date", 2).reason
    parts.known.remove(broken)
    parts.planner.steer("assets_by_date", is_paused=False)
    parts.builder().run(CountingStop(8))
    assert parts.store.rows(LISTING, 2) == parts.store.rows(LISTING, 1)


def test_a_rebuild_goes_on_without_a_record_that_was_accepted_as_lost() -> None:
    parts = Parts(log_of(3))
    parts.log.append((ASSET_EVENTS.name, 0), "a-1", b"garbage")
    parts.planner.start(ASSETS_BY_DATE)
    with pytest.raises(NoSuchGeneration):
        parts.planner.accept_poison("assets_by_date", "too early")
    for _ in range(2):  # tried again it fails again, and is counted once
        parts.builder().run(CountingStop(100))
        assert parts.generations.get("assets_by_date", 2).state == "failed"
        parts.planner.steer("assets_by_date", is_paused=False)
    parts.builder().run(CountingStop(100))
    assert parts.planner.accept_poison("assets_by_date", "a disk was full") == 1
    parts.planner.steer("assets_by_date", is_paused=False)
    parts.builder().run(CountingStop(8))
    assert parts.generations.get("assets_by_date", 2).state == "building"
    assert parts.store.rows(LISTING, 2) == parts.store.rows(LISTING, 1)
    (kept,) = parts.store.parked_records.parked("assets_by_date", 2)
    assert kept.passed_over_because == "a disk was full"


def test_two_rebuilds_of_one_view_are_refused() -> None:
    parts = Parts(log_of(1))
    parts.planner.start(ASSETS_BY_DATE)
    with pytest.raises(AlreadyRebuilding, match="generation 2"):
        parts.planner.start(ASSETS_BY_DATE)
    assert parts.planner.start(CATEGORIES).number == 2


def test_a_start_that_was_killed_is_started_again() -> None:
    parts = Parts(log_of(1))

    def dies(*_: object) -> None:
        raise Killed

    parts.tables.make, make = dies, parts.tables.make  # type: ignore[method-assign,assignment] # for a moment
    with pytest.raises(Killed):
        parts.planner.start(ASSETS_BY_DATE)
    assert parts.generations.get("assets_by_date", 2).state == "planned"
    parts.tables.make = make  # type: ignore[method-assign] # as it was
    assert parts.planner.start(ASSETS_BY_DATE).number == 2
    assert parts.generations.get("assets_by_date", 2).state == "building"


def test_what_the_log_does_not_keep_is_not_rebuilt() -> None:
    with pytest.raises(NotRebuildable, match="keeps 1 h"):
        Parts(log_of(1)).planner.start(COMMANDS)


def test_a_rebuild_is_done_once_it_has_all_that_there_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("projections.rebuild.supervisor._CLOSE", 5)
    parts = Parts(log_of(12))
    parts.planner.start(ASSETS_BY_DATE)
    parts.supervisor(Children()).run(CountingStop(2))
    assert parts.generations.get("assets_by_date", 2).state == "building"
    parts.builder().run(CountingStop(8))
    add(parts.log, 12, first=12)  # much happened meanwhile: the projections are not to do it
    parts.supervisor(Children()).run(CountingStop(2))
    assert parts.generations.get("assets_by_date", 2).state == "building"
    parts.builder().run(CountingStop(8))
    parts.supervisor(Children()).run(CountingStop(2))
    assert parts.generations.get("assets_by_date", 2).state == "following"


def test_as_many_builders_run_as_are_wanted() -> None:
    parts, children = Parts(log_of(1)), Children()
    parts.planner.start(CATEGORIES, processes=3)
    parts.planner.steer("categories", is_paused=True)
    parts.supervisor(children).run(CountingStop(5))
    assert children.subsets == [PartitionSubset(number=number, of=3) for number in range(3)]
    assert children.terminated == 3
    assert parts.generations.reports > 1


def test_a_builder_that_was_killed_is_replaced() -> None:
    parts, children = Parts(log_of(1)), Children()
    children.exitcode = -9
    parts.planner.start(CATEGORIES)
    parts.planner.steer("categories", is_paused=True)
    parts.supervisor(children).run(CountingStop(60))
    assert len(children.subsets) > 10
    assert parts.generations.get("categories", 2).state == "building"


def test_builders_that_always_crash_fail_the_rebuild() -> None:
    parts, children = Parts(log_of(1)), Children()
    children.exitcode = 1
    parts.planner.start(CATEGORIES)
    parts.planner.steer("categories", is_paused=True)
    parts.supervisor(children).run(CountingStop(60))
    assert parts.generations.get("categories", 2).state == "failed"


def test_the_pace_is_shared() -> None:
    parts = Parts(log_of(1))
    slow = parts.planner.start(ASSETS_BY_DATE, events_per_second=40)
    pace = EventRateLimit([slow], PartitionSubset(number=0, of=4))
    assert pace.chunk == 10
    assert pace.wait_seconds == 0
    pace.record_events(50)
    assert 3 < pace.wait_seconds <= 5
    assert (
        EventRateLimit(
            [replace(slow, events_per_second=0)], PartitionSubset(number=0, of=1)
        ).wait_seconds
        == 0
    )


def status(
    targets: dict[tuple[str, int], int], saved: list[Checkpoint], per_second: float
) -> GenerationStatus:
    building = replace(planned("v", 2), offsets_per_second=per_second)
    return generation_status(building, targets, saved, is_read=False)


def test_progress_counts_no_more_than_there_was_at_the_start() -> None:
    done = Checkpoint(
        view="v", generation=2, topic="t", partition=0, applied_offset=150, event_count=90
    )
    half = replace(done, partition=1, applied_offset=50, event_count=40)
    seen = status({("t", 0): 100, ("t", 1): 100}, [done, half], 25.0)
    assert (seen.done, seen.target, seen.events) == (150, 200, 130)
    assert seen.eta_seconds == 2.0
    assert not seen.is_complete
    assert status({("t", 0): 100}, [done], 0.0).eta_seconds == 0.0
    assert status({("t", 0): 200}, [done], 0.0).eta_seconds is None


def test_a_rate_is_that_of_the_last_ten_seconds() -> None:
    now = 0.0
    rate = GrowthRate(lambda: now)
    assert rate.at(0) == 0.0
    now = 5.0
    assert rate.at(1_000) == 200.0
    now = 14.0
    assert rate.at(1_000) == 0.0  # the first sample is too old by now


def test_the_projections_take_a_new_generation_along_and_leave_a_dropped_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumer, "_LOOK_SECONDS", -1)
    log, store = log_of(2), MemoryViewStore()
    live = list(LIVE)
    second = ViewGeneration(view=ASSETS_BY_DATE, generation=2)

    def begin(_: object) -> None:
        live.append(second)

    def drop(_: object) -> None:
        live.remove(second)
        add(log, 2, first=2)

    Run(log, store, Script(at_poll={2: begin, 5: drop}), live=live)
    assert len(store.rows(LISTING, 2)) == 2
    assert len(store.rows(LISTING, 1)) == 4
