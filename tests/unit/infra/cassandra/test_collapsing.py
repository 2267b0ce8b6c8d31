"""Many operations on a row come down to a few."""

from infra.cassandra.row_operations import RowOperation, collapse_operations
from tests.contract.view_store import delete, upsert


def test_columns_are_merged_and_the_latest_moment_counts() -> None:
    written = collapse_operations([upsert(1, name="Fruit", slug="fruit"), upsert(2, name="Obst")])
    assert written == [upsert(2, name="Obst", slug="fruit")]


def test_what_came_before_a_deletion_is_left_out() -> None:
    assert collapse_operations([upsert(1, name="Fruit"), delete(2)]) == [delete(2)]


def test_a_deletion_stays_before_what_came_after_it() -> None:
    operations: list[RowOperation] = [upsert(1, slug="fruit"), delete(2), upsert(3, name="Obst")]
    assert collapse_operations(operations) == operations[1:]


def test_rows_are_kept_apart() -> None:
    operations = [upsert(1, ("acme", "a"), name="A"), upsert(1, ("acme", "b"), name="B")]
    assert collapse_operations(operations) == operations
