"""What every ViewStore promises; a test class per implementation inherits it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from infra.cassandra.parked_records import ParkedEntry, ParkedRecord
from infra.cassandra.row_operations import ColumnValue, Delete, RowOperation, Table, Upsert
from infra.cassandra.view_store import Checkpoint, ViewStore
from read_models.assets_by_category.projection import BUCKETS
from read_models.categories.projection import TREE

FRUIT = ("acme", "fruit")


def upsert(at_us: int, key: tuple[ColumnValue, ...] = FRUIT, **columns: ColumnValue) -> Upsert:
    return Upsert(table=TREE, key=key, columns=columns, written_at_us=at_us)


def delete(at_us: int, key: tuple[ColumnValue, ...] = FRUIT) -> Delete:
    return Delete(table=TREE, key=key, written_at_us=at_us)


def checkpoint(offset: int, *, partition: int = 0, generation: int = 1) -> Checkpoint:
    return Checkpoint(
        view="categories",
        generation=generation,
        topic="category-events",
        partition=partition,
        applied_offset=offset,
        event_count=offset // 2,
    )


def parked(offset: int, *, partition: int = 0, generation: int = 1) -> ParkedRecord:
    place = ParkedEntry(
        view="categories",
        generation=generation,
        topic="category-events",
        partition=partition,
        offset=offset,
        key=b"acme",
        code="behind",
        detail="an earlier one waits",
        parked_at=datetime(2026, 11, 23, tzinfo=UTC),
    )
    return ParkedRecord(entry=place, value=b"value %d" % offset)


class ViewStoreContract:
    """Write through a new store, read back whatever way the implementation offers."""

    def new_store(self) -> ViewStore:
        raise NotImplementedError

    def rows(
        self, table: Table, generation: int = 1
    ) -> dict[tuple[ColumnValue, ...], dict[str, ColumnValue]]:
        """Read all rows by key; columns that have no value are left out."""
        raise NotImplementedError

    def after(
        self, *operations: RowOperation
    ) -> dict[tuple[ColumnValue, ...], dict[str, ColumnValue]]:
        store = self.new_store()
        for operation in operations:
            store.write([operation], generation=1)
        return self.rows(TREE)

    def test_a_row_has_what_was_written(self) -> None:
        rows = self.after(upsert(1, name="Fruit", is_archived=False, version=3))
        assert rows == {FRUIT: {"name": "Fruit", "is_archived": False, "version": 3}}

    def test_a_deletion_by_the_beginning_of_a_key_takes_all_rows_that_are_older(self) -> None:
        other, elsewhere = ("acme", "nuts"), ("globex", "fruit")
        store = self.new_store()
        store.write([upsert(1, name="Fruit"), upsert(1, elsewhere, name="Fruit")], generation=1)
        store.write([delete(2, ("acme",))], generation=1)
        store.write([upsert(1, other, name="Nuts"), upsert(3, slug="fruit")], generation=1)
        assert self.rows(TREE) == {FRUIT: {"slug": "fruit"}, elsewhere: {"name": "Fruit"}}

    def test_columns_that_are_not_written_stay(self) -> None:
        assert self.after(upsert(1, name="Fruit", slug="fruit"), upsert(2, name="Obst")) == {
            FRUIT: {"name": "Obst", "slug": "fruit"}
        }

    def test_the_latest_moment_wins_column_by_column(self) -> None:
        assert self.after(upsert(2, name="Obst"), upsert(1, name="Fruit", slug="fruit")) == {
            FRUIT: {"name": "Obst", "slug": "fruit"}
        }

    def test_a_deleted_row_is_gone(self) -> None:
        assert self.after(upsert(1, name="Fruit"), delete(2)) == {}

    def test_what_was_written_before_a_deletion_does_not_come_back(self) -> None:
        assert self.after(delete(2), upsert(1, name="Fruit")) == {}

    def test_a_row_can_be_written_again_after_its_deletion(self) -> None:
        assert self.after(
            upsert(1, name="Fruit", slug="fruit"), delete(2), upsert(3, name="F")
        ) == {FRUIT: {"name": "F"}}

    def test_a_deletion_wins_a_tie(self) -> None:
        assert self.after(upsert(2, name="Fruit"), delete(2)) == {}
        assert self.after(delete(5), upsert(5, name="Fruit")) == {}

    def test_a_row_may_consist_of_its_key(self) -> None:
        store = self.new_store()
        key = ("acme", "fruit", "2026-11")
        store.write([Upsert(table=BUCKETS, key=key, columns={}, written_at_us=1)], generation=1)
        assert self.rows(BUCKETS) == {key: {}}

    def test_many_rows_of_many_partitions_are_written_at_once(self) -> None:
        store = self.new_store()
        keys = [(f"tenant {n % 7}", f"category {n}") for n in range(1_000)]
        store.write([upsert(1, key, version=n) for n, key in enumerate(keys)], generation=1)
        assert self.rows(TREE) == {key: {"version": n} for n, key in enumerate(keys)}

    def test_checkpoints_come_back(self) -> None:
        store = self.new_store()
        kept: Sequence[Checkpoint] = [checkpoint(7), checkpoint(9, partition=2)]
        store.save([*kept, checkpoint(5, generation=2)])
        assert sorted(store.checkpoints("categories", 1), key=lambda c: c.partition) == kept

    def test_a_checkpoint_never_goes_back(self) -> None:
        store = self.new_store()
        store.save([checkpoint(7)])
        store.save([checkpoint(5)])
        assert store.checkpoints("categories", 1) == [checkpoint(7)]

    def test_a_view_that_was_never_saved_has_no_checkpoints(self) -> None:
        assert self.new_store().checkpoints("categories", 1) == []

    def test_parked_records_come_back_in_the_order_of_the_log(self) -> None:
        parked_records = self.new_store().parked_records
        records = [parked(9), parked(7), parked(8, partition=1)]
        parked_records.park([*records, parked(5, generation=2)])
        parked_records.park(records)  # as after a kill
        assert parked_records.parked("categories", 1) == [
            parked(7).entry,
            parked(9).entry,
            parked(8, partition=1).entry,
        ]
        first = ("category-events", 0)
        found = parked_records.parked_in("categories", 1, first, after=-1, at_most=1)
        assert found == [parked(7)]
        assert parked_records.parked_in("categories", 1, first, after=7, at_most=9) == [parked(9)]

    def test_a_record_that_was_applied_is_forgotten(self) -> None:
        parked_records = self.new_store().parked_records
        parked_records.park([parked(7), parked(9)])
        for _ in range(2):
            parked_records.unpark([parked(7).entry])
        assert parked_records.parked("categories", 1) == [parked(9).entry]

    def test_a_record_that_is_passed_over_stays_so(self) -> None:
        parked_records = self.new_store().parked_records
        parked_records.park([parked(7)])
        parked_records.pass_over([parked(7).entry], "it was lost")
        parked_records.park([parked(7)])
        (kept,) = parked_records.parked("categories", 1)
        assert kept.passed_over_because == "it was lost"
