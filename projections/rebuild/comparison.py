"""Comparison of two generations row by row, read in another way than they are written.

While writes go on, a row may be seen in one generation before it is in the other. So what differs
is read again after both have applied all that the log had; only what still differs counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Protocol

from infra.cassandra.column_encryption import masked_value
from infra.cassandra.generations import GenerationComparison
from infra.cassandra.row_operations import Table
from projections.rebuild.catch_up import CatchUp
from read_models.view import ViewGeneration

_PARTS = 64
_ROUNDS = 4
_SHOWN = 20

ComparedKey = tuple[object, ...]
RowColumns = Mapping[str, Any]


class TableRows(Protocol):
    """Reads whole tables: infra.cassandra.table_scan.TableScan."""

    def rows(self, table: Table, generation: int, part: int, parts: int) -> Iterator[RowColumns]:
        """Give the rows of one part, in any order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationDifference:
    """A row that is not alike: its key, and each column with its value before and after.

    ``kind`` is ``missing`` when only the generation that is read has it, ``extra`` when only the
    rebuilt one has.
    """

    table: str
    kind: str
    key: dict[str, object]
    columns: dict[str, tuple[object, object]]


@dataclass(kw_only=True)
class TableComparison:
    """What came of one table; ``differences`` are the first of ``difference_count``."""

    table: str
    rows_before: int = 0
    rows_after: int = 0
    difference_count: int = 0
    differences: list[GenerationDifference] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonReport:
    """What came of a comparison; ``reshaped`` names columns that were left out on purpose."""

    view: str
    before: int
    after: int
    reshaped: tuple[str, ...]
    tables: tuple[TableComparison, ...]

    @property
    def comparison(self) -> GenerationComparison:
        """Give what is to be kept of it."""
        return GenerationComparison(
            compared_at=datetime.now(UTC),
            compared_with=self.before,
            row_count=sum(table.rows_after for table in self.tables),
            difference_count=sum(table.difference_count for table in self.tables),
        )


def compare_generations(
    before: ViewGeneration, after: ViewGeneration, *, rows: TableRows, feeding: CatchUp
) -> ComparisonReport:
    """Compare every row of two generations that both follow the log.

    Columns in which another revision differs on purpose are left out. Raises NotCaughtUp,
    StoreUnavailable, BrokerUnavailable.
    """
    feeding.wait_for_log_end(after.view, before.generation, after.generation)
    reshaped: frozenset[str] = frozenset()
    if before.view.revision != after.view.revision:
        reshaped = before.view.reshaped | after.view.reshaped
    comparing = _GenerationComparison(before, after, reshaped, rows, feeding)
    return ComparisonReport(
        view=after.view.name,
        before=before.generation,
        after=after.generation,
        reshaped=tuple(sorted(reshaped)),
        tables=tuple(comparing.table(table) for table in after.view.tables),
    )


class _GenerationComparison:
    def __init__(
        self,
        before: ViewGeneration,
        after: ViewGeneration,
        reshaped: frozenset[str],
        rows: TableRows,
        feeding: CatchUp,
    ) -> None:
        self._before = before
        self._after = after
        self._reshaped = reshaped
        self._rows = rows
        self._catch_up = feeding

    def table(self, table: Table) -> TableComparison:
        report = TableComparison(table=table.name)
        # Rows stay in their part as long as their partition key is the same.
        parts = 1 if self._reshaped.intersection(table.partition_key) else _PARTS
        for part in range(parts):
            self._part(table, part, parts, report)
        return report

    def _part(self, table: Table, part: int, parts: int, report: TableComparison) -> None:
        old, new = self._read(table, part, parts)
        differing = _differing(old, new)
        for _ in range(_ROUNDS):
            if not differing:
                break
            view, generations = self._after.view, (self._before.generation, self._after.generation)
            self._catch_up.wait_for_log_end(view, *generations)
            old, new = self._read(table, part, parts)
            differing &= _differing(old, new)
        # What was on its way during the last reading is in both by now.
        settled = (old.keys() | new.keys()) - differing
        report.rows_before += len(settled) + len(differing & old.keys())
        report.rows_after += len(settled) + len(differing & new.keys())
        report.difference_count += len(differing)
        if differing and len(report.differences) < _SHOWN:
            self._explain(table, part, parts, differing, report)

    def _read(
        self, table: Table, part: int, parts: int
    ) -> tuple[dict[ComparedKey, bytes], dict[ComparedKey, bytes]]:
        old = {
            self._key(table, row): self._digest(row)
            for row in self._rows.rows(table, self._before.generation, part, parts)
        }
        new = {
            self._key(table, row): self._digest(row)
            for row in self._rows.rows(table, self._after.generation, part, parts)
        }
        return old, new

    def _explain(
        self,
        table: Table,
        part: int,
        parts: int,
        differing: set[ComparedKey],
        report: TableComparison,
    ) -> None:
        wanted = set(sorted(differing, key=repr)[: _SHOWN - len(report.differences)])
        old, new = (
            {
                key: row
                for row in self._rows.rows(table, generation, part, parts)
                if (key := self._key(table, row)) in wanted
            }
            for generation in (self._before.generation, self._after.generation)
        )
        for key in sorted(wanted, key=repr):
            report.differences.append(self._difference(table, key, old.get(key), new.get(key)))

    def _difference(
        self, table: Table, key: ComparedKey, old: RowColumns | None, new: RowColumns | None
    ) -> GenerationDifference:
        names = [name for name in table.key if name not in self._reshaped]
        kind = "extra" if old is None else "missing" if new is None else "differs"
        compared = set(old or {}) | set(new or {})
        return GenerationDifference(
            table=table.name,
            kind=kind,
            key=dict(zip(names, key, strict=True)),
            columns={
                name: (masked_value((old or {}).get(name)), masked_value((new or {}).get(name)))
                for name in sorted(compared - set(table.key) - self._reshaped)
                if (old or {}).get(name) != (new or {}).get(name)
            },
        )

    def _key(self, table: Table, row: RowColumns) -> ComparedKey:
        return tuple(row[name] for name in table.key if name not in self._reshaped)

    def _digest(self, row: RowColumns) -> bytes:
        shown = sorted((name, value) for name, value in row.items() if name not in self._reshaped)
        return blake2b(repr(shown).encode(), digest_size=16).digest()


def _differing(
    old: Mapping[ComparedKey, bytes], new: Mapping[ComparedKey, bytes]
) -> set[ComparedKey]:
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
