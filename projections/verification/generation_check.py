"""The check of one generation: every row compared with the log while writers go on.

A row that differs is judged by what the log got meanwhile: if nothing of that is about the row, it
was wrong; if something is, it is looked at once more, now that the view has applied it.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from infra.cassandra.column_encryption import masked_value
from infra.cassandra.row_operations import RowOperation, Table
from infra.kafka.group_consumer import Partition
from infra.kafka.topics import Topic
from projections.rebuild.comparison import TableRows
from projections.verification.expected_row import ExpectedRow
from projections.verification.log_fold import LogFold, RowRef
from read_models.consistency_results import ConsistencyResult, ViewDifference
from read_models.view import ViewGeneration

PARTS = 64
_ROUNDS = 20
_SHOWN = 20
_IN_THE_LOG_SECONDS = 60.0
"""After which an event that was stamped is in the log or never will be.

Its transaction ends within 15 s, and the clocks of our machines agree better than the rest.
"""

Columns = Mapping[str, Any]


class OperationWriter(Protocol):
    """Carries out operations on a generation: infra.cassandra.view_store.CassandraViewStore."""

    def write(self, operations: list[RowOperation], *, generation: int) -> None:
        """Return when all took effect."""


@dataclass(kw_only=True)
class _Tally:
    rows: int = 0
    wrong: int = 0
    repaired: int = 0
    differences: list[ViewDifference] = field(default_factory=list)


class GenerationCheck:
    """Checks one generation of a view that follows the log; used once.

    ``wait_for_offsets`` waits until the generation has applied everything before some offsets, and
    raises NotCaughtUp when it does not get there. Nothing is written unless ``store`` is given.
    """

    def __init__(
        self,
        live: ViewGeneration,
        *,
        fold: LogFold,
        rows: TableRows,
        ends: Callable[[Topic], Mapping[int, int]],
        wait_for_offsets: Callable[[Mapping[Partition, int]], None],
        store: OperationWriter | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._live = live
        self._fold = fold
        self._rows = rows
        self._ends = ends
        self._wait_for_offsets = wait_for_offsets
        self._store = store
        self._now = now
        self._read_at = 0.0

    def run(self) -> ConsistencyResult:
        """Go through all parts.

        Raises NotCaughtUp, StoreUnavailable, BrokerUnavailable. A repair that is cut off leaves
        each row as it was or put right.
        """
        view = self._live.view
        ends = self._new_ends()
        self._fold.read_to(ends)
        positions = self._fold.positions(ends)
        tally = _Tally()
        for part in range(PARTS):
            self._part(part, tally)
        return ConsistencyResult(
            view=view.name,
            generation=self._live.generation,
            topic=view.topic.name,
            positions=positions,
            checked_at=datetime.fromtimestamp(self._now(), UTC),
            row_count=tally.rows,
            difference_count=tally.wrong,
            repaired_count=tally.repaired,
            waiting_count=self._fold.blocked_entity_count,
            differences=tuple(tally.differences),
        )

    def _part(self, part: int, tally: _Tally) -> None:
        count, wrong = self._judge(part)
        found_wrong = len(wrong)
        for written in (self._at_event_times, self._overwriting):
            if wrong and self._store is not None:
                self._store.write(list(written(wrong)), generation=self._live.generation)
                count, wrong = self._judge(part)
        tally.rows += count
        tally.wrong += len(wrong)
        tally.repaired += max(0, found_wrong - len(wrong))
        for row in sorted(wrong, key=repr)[: _SHOWN - len(tally.differences)]:
            tally.differences.append(_difference(row, *wrong[row]))

    def _at_event_times(self, wrong: Mapping[RowRef, "_Pair"]) -> Iterator[RowOperation]:
        for row, (expected, _) in wrong.items():
            yield from expected.at_event_times(row.table, row.key)

    def _overwriting(self, wrong: Mapping[RowRef, "_Pair"]) -> Iterator[RowOperation]:
        """Beat whatever was written later than the events, but no event that we have not read."""
        moment_us = int((self._read_at - _IN_THE_LOG_SECONDS) * 1_000_000)
        for row, (expected, _) in wrong.items():
            yield from expected.overwriting_until(moment_us, row.table, row.key)

    def _judge(self, part: int) -> tuple[int, dict[RowRef, "_Pair"]]:
        """Count the rows that there must be in a part, and give those that are wrong."""
        expected, found = self._look(part)
        count = sum(each.columns() is not None for each in expected.values())
        open_rows = _differing(expected, found)
        wrong: dict[RowRef, _Pair] = {}
        for _ in range(_ROUNDS):
            if not open_rows:
                break
            named = self._fold.read_on(self._new_ends())
            touched = {row for row in open_rows if not named.isdisjoint(row.with_key_prefixes())}
            for row in open_rows - touched:
                wrong[row] = (expected.get(row, ExpectedRow()), found.get(row))
            open_rows = touched
            if open_rows:
                expected, found = self._look(part)
                open_rows &= _differing(expected, found)
        for row in open_rows:  # written all the time, and never right
            wrong[row] = (expected.get(row, ExpectedRow()), found.get(row))
        return count, wrong

    def _look(self, part: int) -> tuple[dict[RowRef, ExpectedRow], dict[RowRef, Columns]]:
        """Read a part once the view has applied all that the fold has."""
        topic = self._live.view.topic
        positions = self._fold.positions(range(topic.partitions))
        self._wait_for_offsets({(topic.name, at): position for at, position in positions.items()})
        return self._fold.rows(part), self._found(part)

    def _found(self, part: int) -> dict[RowRef, Columns]:
        found: dict[RowRef, Columns] = {}
        for table in self._live.view.tables:
            for row in self._rows.rows(table, self._live.generation, part, PARTS):
                key = tuple(row[name] for name in table.key)
                found[RowRef(table=table, key=key)] = _plain(table, row)
        return found

    def _new_ends(self) -> Mapping[int, int]:
        self._read_at = self._now()
        return self._ends(self._live.view.topic)


_Pair = tuple[ExpectedRow, Columns | None]


def _differing(
    expected: Mapping[RowRef, ExpectedRow], found: Mapping[RowRef, Columns]
) -> set[RowRef]:
    wrong = {row for row in found if row not in expected}
    return wrong | {row for row, each in expected.items() if each.columns() != found.get(row)}


def _plain(table: Table, row: Columns) -> Columns:
    """Leave the key and what has no value out; lists come as they are in operations."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in row.items()
        if value is not None and name not in table.key
    }


def _difference(row: RowRef, expected: ExpectedRow, found: Columns | None) -> ViewDifference:
    by_log = expected.columns()
    kind = "extra" if by_log is None else "missing" if found is None else "differs"
    names = sorted({*(by_log or {}), *(found or {})})
    return ViewDifference(
        table=row.table.name,
        kind=kind,
        key=dict(zip(row.table.key, row.key, strict=True)),
        columns={
            name: (masked_value((by_log or {}).get(name)), masked_value((found or {}).get(name)))
            for name in names
            if (by_log or {}).get(name) != (found or {}).get(name)
        },
    )
