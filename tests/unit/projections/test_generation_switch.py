"""Comparing generations, and having another one read."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from avro_schemas.codec import Message
from infra.cassandra.row_operations import Delete, RowOperation, Upsert
from projections.rebuild.errors import (
    GenerationInUse,
    GenerationsDiffer,
    NoSuchGeneration,
    NotCaughtUp,
)
from projections.rebuild.generation_switch import GenerationSwitched
from read_models.assets_by_date.projection import ASSETS_BY_DATE
from tests.support.fakes.projection_fakes import Log
from tests.support.long_histories import categories_of, picture
from tests.support.rebuild_parts import LONG_AGO, Parts
from tests.support.samples import ACME, NOON

LISTING, BUCKETS = ASSETS_BY_DATE.tables
DATES = "assets_by_date"


def by_month(message: Message) -> Iterator[RowOperation]:
    """Cut the days off."""
    for operation in ASSETS_BY_DATE.rows(message):
        tenant_id, day, *rest = operation.key
        yield structs.replace(operation, key=(tenant_id, str(day)[:7], *rest))


BY_MONTH = replace(
    ASSETS_BY_DATE,
    rows=by_month,
    revision=ASSETS_BY_DATE.revision + 1,
    reshaped=frozenset({"day"}),
)


def add(log: Log, first: int, pictures: int) -> None:
    _, catalogue = categories_of(ACME, NOON)
    for number in range(first, first + pictures):
        log.add(picture(ACME, number, catalogue, NOON + timedelta(hours=7 * number)))


@pytest.fixture
def parts() -> Parts:
    """A view that was rebuilt; nothing was compared yet."""
    log = Log()
    add(log, 0, 12)
    parts = Parts(log)
    parts.built(ASSETS_BY_DATE)
    return parts


def some_row(parts: Parts, generation: int) -> tuple[object, ...]:
    return min(parts.store.rows(LISTING, generation))


def change(parts: Parts, generation: int, **columns: str) -> None:
    key = min(parts.store.rows(LISTING, generation))
    changed = Upsert(table=LISTING, key=key, columns=columns, written_at_us=2**60)
    parts.store.write([changed], generation=generation)


def remove(parts: Parts, generation: int) -> None:
    key = min(parts.store.rows(LISTING, generation))
    parts.store.write([Delete(table=LISTING, key=key, written_at_us=2**60)], generation=generation)


def test_equal_generations_are_equal(parts: Parts) -> None:
    report = parts.compared(ASSETS_BY_DATE)
    listing, buckets = report.tables
    assert (listing.rows_before, listing.rows_after, listing.difference_count) == (12, 12, 0)
    assert buckets.rows_before == buckets.rows_after == 4
    assert report.comparison.row_count == 16


def test_a_row_that_differs_is_shown_with_both_values(parts: Parts) -> None:
    change(parts, 2, media_type="image/gif")
    listing, _ = parts.compared(ASSETS_BY_DATE).tables
    assert listing.difference_count == 1
    (difference,) = listing.differences
    assert difference.kind == "differs"
    assert tuple(difference.key.values()) == some_row(parts, 2)
    assert difference.columns == {"media_type": ("image/jpeg", "image/gif")}


def test_of_personal_columns_it_is_shown_that_they_differ_and_not_what_they_say(
    parts: Parts,
) -> None:
    change(parts, 2, title="Not a cat")
    listing, _ = parts.compared(ASSETS_BY_DATE).tables
    before, after = listing.differences[0].columns["title"]
    assert str(before).startswith("sealed ")
    assert str(after).startswith("sealed ")
    assert before != after


def test_missing_and_extra_rows_are_told_apart_and_counted(parts: Parts) -> None:
    remove(parts, 2)
    listing, _ = parts.compared(ASSETS_BY_DATE).tables
    assert (listing.rows_before, listing.rows_after) == (12, 11)
    assert [one.kind for one in listing.differences] == ["missing"]
    remove(parts, 1)
    remove(parts, 1)
    listing, _ = parts.compared(ASSETS_BY_DATE).tables
    assert (listing.rows_before, listing.rows_after) == (10, 11)
    assert [one.kind for one in listing.differences] == ["extra"]


def test_what_is_written_while_comparing_is_no_difference(parts: Parts) -> None:
    more = iter(range(12, 15))

    day = str((NOON + timedelta(hours=7 * 12)).date())
    of_that_day = parts.rows.part_of(LISTING, (ACME, day), 64)

    def write(generation: int, part: int) -> None:
        is_there = (generation, part) == (2, of_that_day)
        if is_there and (number := next(more, None)) is not None:
            add(parts.log, number, 1)
            parts.feed()

    parts.rows.before_reading = write
    listing, _ = parts.compared(ASSETS_BY_DATE).tables
    assert listing.difference_count == 0
    assert listing.rows_before == listing.rows_after == 14


def test_a_difference_is_found_in_whatever_part_it_lies(parts: Parts) -> None:
    add(parts.log, 12, 88)
    parts.feed()
    places = {parts.rows.part_of(LISTING, key, 64) for key in parts.store.rows(LISTING, 2)}
    assert min(places) < 16
    assert max(places) >= 48
    changed = [
        Upsert(table=LISTING, key=key, columns={"title": "changed"}, written_at_us=2**60)
        for key in parts.store.rows(LISTING, 2)
    ]
    parts.store.write(changed, generation=2)

    listing, _ = parts.compared(ASSETS_BY_DATE).tables

    assert (listing.rows_before, listing.rows_after) == (100, 100)
    assert listing.difference_count == 100


def test_a_generation_that_nobody_feeds_is_not_compared(parts: Parts) -> None:
    add(parts.log, 12, 1)
    with pytest.raises(NotCaughtUp, match="does the projections service run"):
        parts.compared(ASSETS_BY_DATE)


def test_a_changed_definition_is_compared_without_what_it_changes() -> None:
    log = Log()
    add(log, 0, 12)
    parts = Parts(log)
    parts.known.append(BY_MONTH)
    built = parts.built(BY_MONTH)
    assert built.revision == 2
    assert {key[1] for key in parts.store.rows(BUCKETS, 2)} == {"2026-11"}
    report = parts.compared(ASSETS_BY_DATE)
    listing, _ = report.tables
    assert report.reshaped == ("day",)
    assert (listing.rows_before, listing.rows_after, listing.difference_count) == (12, 12, 0)
    change(parts, 2, media_type="image/gif")
    listing, _ = parts.compared(ASSETS_BY_DATE).tables
    assert [one.columns for one in listing.differences] == [
        {"media_type": ("image/jpeg", "image/gif")}
    ]


def test_nothing_is_switched_before_it_was_compared(parts: Parts) -> None:
    with pytest.raises(GenerationsDiffer, match="was not compared"):
        parts.switcher.switch(DATES)
    parts.compared(ASSETS_BY_DATE)
    assert parts.switcher.switch(DATES) == GenerationSwitched(view=DATES, before=1, now=2)
    assert parts.generations.actives()[DATES].number == 2


def test_differences_must_be_accepted_with_a_reason(parts: Parts) -> None:
    remove(parts, 2)
    parts.compared(ASSETS_BY_DATE)
    with pytest.raises(GenerationsDiffer, match="differs in 1 rows"):
        parts.switcher.switch(DATES)
    assert parts.switcher.switch(DATES, "it was wrong before").now == 2


def test_a_comparison_with_another_generation_does_not_count(parts: Parts) -> None:
    parts.compared(ASSETS_BY_DATE)
    parts.switcher.switch(DATES)
    parts.built(ASSETS_BY_DATE)
    with pytest.raises(GenerationsDiffer, match="with generation 2"):
        parts.switcher.switch(DATES)


def test_a_comparison_with_what_was_read_before_does_not_count(parts: Parts) -> None:
    third = parts.built(ASSETS_BY_DATE)
    parts.compared(ASSETS_BY_DATE)
    assert parts.generations.get(DATES, third.number).comparison
    parts.generations.read(DATES, 2, LONG_AGO)  # meanwhile another one is read
    with pytest.raises(
        GenerationsDiffer, match=r"generation 3 .* was not compared with generation 2"
    ):
        parts.switcher.switch(DATES)
    assert parts.generations.actives()[DATES].number == 2


def test_one_that_is_behind_is_not_switched_to(parts: Parts) -> None:
    parts.compared(ASSETS_BY_DATE)
    second = parts.generations.get(DATES, 2)
    parts.generations.move(second, "cancelled")  # so that nobody feeds it
    add(parts.log, 12, 1)
    parts.feed()
    parts.generations.move(replace(second, state="cancelled"), "following")
    with pytest.raises(NotCaughtUp):
        parts.switcher.switch(DATES)
    assert parts.generations.actives()[DATES].number == 1


def test_the_way_back_is_open_until_the_old_one_is_dropped(parts: Parts) -> None:
    with pytest.raises(NoSuchGeneration, match="nothing to go back to"):
        parts.switcher.rollback(DATES)
    parts.compared(ASSETS_BY_DATE)
    parts.switcher.switch(DATES)
    add(parts.log, 12, 1)
    parts.feed()
    assert parts.switcher.rollback(DATES).now == 1
    assert len(parts.store.rows(LISTING, 1)) == 13  # it was fed all the time
    parts.switcher.switch(DATES)
    parts.generations.read(DATES, 2, LONG_AGO)
    parts.switcher.drop(DATES, 1)
    assert parts.tables.dropped == parts.generations.forgotten == [(DATES, 1)]
    with pytest.raises(NoSuchGeneration, match="nothing to go back to"):
        parts.switcher.rollback(DATES)


def test_what_is_read_or_being_built_is_not_dropped(parts: Parts) -> None:
    with pytest.raises(GenerationInUse, match="is the one that is read"):
        parts.switcher.drop(DATES, 1)
    parts.planner.start(ASSETS_BY_DATE)
    with pytest.raises(GenerationInUse, match="is being built"):
        parts.switcher.drop(DATES, 3)
    with pytest.raises(NoSuchGeneration):
        parts.switcher.drop(DATES, 4)
    assert parts.tables.dropped == []


def test_a_drop_that_was_killed_is_repeated(parts: Parts) -> None:
    parts.switcher.drop(DATES, 2)
    parts.switcher.drop(DATES, 2)
    assert parts.tables.dropped == [(DATES, 2)] * 2


def test_there_must_be_something_to_switch_to() -> None:
    parts = Parts(Log())
    with pytest.raises(NoSuchGeneration, match="no other generation than 1"):
        parts.switcher.switch(DATES)
    parts.planner.start(ASSETS_BY_DATE)
    with pytest.raises(NoSuchGeneration, match="generation 2 of assets_by_date is still being"):
        parts.switcher.switch(DATES)
    with pytest.raises(NoSuchGeneration, match="no view pets"):
        parts.switcher.switch("pets")
