"""A view store in memory that settles writes by their timestamps as Cassandra does."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field

from infra.cassandra.column_encryption import decrypted_row, encrypted_operation
from infra.cassandra.row_operations import ColumnValue, Delete, RowOperation, Table
from infra.cassandra.view_store import Checkpoint
from infra.errors import StoreUnavailable
from tests.support.fakes.memory_parked_records import MemoryParkedRecords

_NEVER = -(2**63)
Key = tuple[ColumnValue, ...]
Rows = dict[Key, dict[str, ColumnValue]]


@dataclass(slots=True)
class _Row:
    written_at_us: int = _NEVER
    deleted_at_us: int = _NEVER
    cells: dict[str, tuple[int, ColumnValue]] = field(default_factory=dict)

    def apply(self, operation: RowOperation) -> None:
        at = operation.written_at_us
        if isinstance(operation, Delete):
            self.deleted_at_us = max(self.deleted_at_us, at)
            return
        self.written_at_us = max(self.written_at_us, at)
        for column, value in operation.columns.items():
            known = self.cells.get(column)
            if known is None or at > known[0] or (at == known[0] and str(value) > str(known[1])):
                self.cells[column] = (at, value)

    def columns(self) -> dict[str, ColumnValue] | None:
        """Show what is left of the row: what was written after it was last deleted."""
        cells = {
            column: value for column, (at, value) in self.cells.items() if at > self.deleted_at_us
        }
        return cells if cells or self.written_at_us > self.deleted_at_us else None


def _beginnings(table: Table, key: Key) -> list[Key]:
    """List what a deletion of several rows may name of this one."""
    return [key[:length] for length in range(len(table.partition_key), len(table.key))]


class MemoryViewStore:
    """Keeps rows and checkpoints; can be away, and can come back with what it had earlier."""

    def __init__(self) -> None:
        self.is_away = False
        self.writes = 0
        self.parked_records = MemoryParkedRecords()
        self._tables: dict[str, dict[Key, _Row]] = {}
        self._deletions: dict[tuple[str, Key], Delete] = {}
        self._checkpoints: dict[tuple[str, int, str, int], Checkpoint] = {}

    def write(self, operations: Iterable[RowOperation], *, generation: int) -> None:
        self._answer()
        self.writes += 1
        for operation in map(encrypted_operation, operations):
            name = operation.table.at(generation)
            if len(operation.key) < len(operation.table.key):
                assert isinstance(operation, Delete)
                known = self._deletions.setdefault((name, operation.key), operation)
                if known.written_at_us < operation.written_at_us:
                    self._deletions[name, operation.key] = operation
            else:
                table = self._tables.setdefault(name, {})
                table.setdefault(operation.key, _Row()).apply(operation)

    def save(self, checkpoints: Iterable[Checkpoint]) -> None:
        self._answer()
        for each in checkpoints:
            place = (each.view, each.generation, each.topic, each.partition)
            kept = self._checkpoints.get(place)
            if kept is None or kept.applied_offset < each.applied_offset:
                self._checkpoints[place] = each

    def checkpoints(self, view: str, generation: int) -> list[Checkpoint]:
        self._answer()
        return [
            kept for place, kept in self._checkpoints.items() if place[:2] == (view, generation)
        ]

    def rows(self, table: Table, generation: int = 1) -> Rows:
        """Show the rows that a reader would find."""
        found = self.sealed_rows(table, generation)
        return {key: decrypted_row(columns, table) for key, columns in found.items()}

    def sealed_rows(self, table: Table, generation: int = 1) -> Rows:
        """Show the rows as they lie there."""
        name, found = table.at(generation), {}
        for key, kept in self._tables.get(name, {}).items():
            row = deepcopy(kept)
            for beginning in _beginnings(table, key):
                if deletion := self._deletions.get((name, beginning)):
                    row.apply(deletion)
            if (columns := row.columns()) is not None:
                found[key] = columns
        return found

    def lose(self, table: Table, key: Key, generation: int = 1) -> None:
        """Forget that a row was ever written, as a lost disk does."""
        del self._tables[table.at(generation)][key]

    def copy(self) -> Mapping[str, object]:
        """Take a copy of the disk."""
        kept = ("_tables", "_deletions", "_checkpoints")
        return deepcopy({name: getattr(self, name) for name in kept})

    def put_back(self, copy: Mapping[str, object]) -> None:
        """Lose all that was written since that copy."""
        for name, value in copy.items():
            setattr(self, name, deepcopy(value))

    def _answer(self) -> None:
        if self.is_away:
            raise StoreUnavailable("it is away")
