"""The expected row: what the log alone says it must hold, and how to make it so.

This settles operations by their moments on its own, so that it finds what went wrong in collapsing
them, in writing them, or in the store that settles them for readers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from infra.cassandra.row_operations import ColumnValue, Delete, RowOperation, Table, Upsert

_NEVER = -(2**63)
RowKey = tuple[ColumnValue, ...]


@dataclass(slots=True)
class ExpectedRow:
    """The outcome of every operation on a row so far, in whatever order they came."""

    made_at_us: int = _NEVER
    deleted_at_us: int = _NEVER
    cells: dict[str, tuple[int, ColumnValue]] = field(default_factory=dict)

    def apply(self, operation: RowOperation) -> None:
        """Take one more operation in."""
        at_us = operation.written_at_us
        if isinstance(operation, Delete):
            self.deleted_at_us = max(self.deleted_at_us, at_us)
            return
        self.made_at_us = max(self.made_at_us, at_us)
        for column, value in operation.columns.items():
            known = self.cells.get(column)
            if known is None or at_us >= known[0]:
                self.cells[column] = (at_us, value)

    def columns(self) -> dict[str, ColumnValue] | None:
        """Give what a reader must find; None when there must be no such row."""
        if self.made_at_us <= self.deleted_at_us:
            return None
        return {column: value for column, (_, value) in self._living()}

    def at_event_times(self, table: Table, key: RowKey) -> Iterator[RowOperation]:
        """Write the row at the moments of its events: what was lost comes back.

        What was written later than that by somebody else stays.
        """
        if self.deleted_at_us > _NEVER:
            yield Delete(table=table, key=key, written_at_us=self.deleted_at_us)
        yield from self._written(table, key, not_before_us=_NEVER)

    def overwriting_until(
        self, moment_us: int, table: Table, key: RowKey
    ) -> Iterator[RowOperation]:
        """Write the row over whatever anybody wrote until this moment; what comes later wins."""
        if self.columns() is None:
            deleted_at_us = max(moment_us, self.deleted_at_us)
        else:
            deleted_at_us = max(moment_us - 1, self.deleted_at_us)
        yield Delete(table=table, key=key, written_at_us=deleted_at_us)
        yield from self._written(table, key, not_before_us=moment_us)

    def _written(self, table: Table, key: RowKey, *, not_before_us: int) -> Iterator[RowOperation]:
        if self.columns() is None:
            return
        made_at_us = max(self.made_at_us, not_before_us)
        by_moment: dict[int, dict[str, ColumnValue]] = {made_at_us: {}}
        for column, (at_us, value) in self._living():
            by_moment.setdefault(max(at_us, not_before_us), {})[column] = value
        for at_us, columns in by_moment.items():
            yield Upsert(table=table, key=key, columns=columns, written_at_us=at_us)

    def _living(self) -> Iterator[tuple[str, tuple[int, ColumnValue]]]:
        for column, cell in self.cells.items():
            if cell[0] > self.deleted_at_us:
                yield column, cell
