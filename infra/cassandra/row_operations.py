"""Row operations: the upsert or delete of one row of a view, stamped with its event's time.

Each operation carries the moment of the event that caused it. The latest wins, whatever the order
they arrive in; at the same moment a deletion wins.

These are structs rather than dataclasses because an event comes to some fifteen of them: made in a
fifth of the time, and a table's hash, which each is looked up by, is computed once.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

ColumnValue = str | int | bool | bytes | tuple[str, ...]


class Table(Struct, frozen=True, kw_only=True, cache_hash=True):
    """A table as one generation of a view has it; its ``schema.cql`` says the same and the types.

    ``personal`` are the columns that are encrypted, each with the value that stands for "none" and
    is not. Their key is that of the entity whose id the column ``entity`` has.
    """

    name: str
    partition_key: tuple[str, ...]
    clustering: tuple[str, ...] = ()
    personal: tuple[tuple[str, ColumnValue], ...] = ()
    entity: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name a row."""
        return self.partition_key + self.clustering

    def at(self, generation: int) -> str:
        """Name the table of a generation."""
        return f"{self.name}_g{generation}"


class Upsert(Struct, frozen=True, kw_only=True, gc=False):
    """Give these columns of a row these values; the others stay as they are.

    ``key`` has the values of the table's key columns in order. A column is never set to null, which
    Cassandra would keep as a tombstone: each has a value that stands for "none".
    """

    table: Table
    key: tuple[ColumnValue, ...]
    columns: Mapping[str, ColumnValue]
    written_at_us: int


class Delete(Struct, frozen=True, kw_only=True, gc=False):
    """Remove a row, if it is there, or every row of a partition whose key begins with this one."""

    table: Table
    key: tuple[ColumnValue, ...]
    written_at_us: int


RowOperation = Upsert | Delete


def collapse_operations(operations: Iterable[RowOperation]) -> list[RowOperation]:
    """Leave at most one deletion and one upsert after it for each row; the outcome is the same.

    The operations must come in the order of their moments, row by row. What is deleted by the
    beginning of its key is written nevertheless; the later moment of the deletion hides it.
    """
    deletes: dict[tuple[Table, tuple[ColumnValue, ...]], Delete] = {}
    upserts: dict[tuple[Table, tuple[ColumnValue, ...]], Upsert] = {}
    for operation in operations:
        row = (operation.table, operation.key)
        if isinstance(operation, Delete):
            deletes[row] = operation
            upserts.pop(row, None)
        elif (
            earlier := upserts.get(row)
        ) and not earlier.columns.keys() <= operation.columns.keys():
            upserts[row] = Upsert(
                table=operation.table,
                key=operation.key,
                columns={**earlier.columns, **operation.columns},
                written_at_us=operation.written_at_us,
            )
        else:
            upserts[row] = operation
    return [*deletes.values(), *upserts.values()]
