"""What the last check of each view against the log came to, kept beside the views."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from infra.cassandra.session import CassandraSession, Row
from read_models.view_reader import QueryRunner

_ALL_RESULTS = "SELECT * FROM consistency_results"
_KEEP = (
    "INSERT INTO consistency_results (view_name, generation, topic, positions, checked_at,"
    " row_count, difference_count, repaired_count, waiting_count, differences)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewDifference:
    """A row that is not as the log says: its key, and each wrong column by the log and as found.

    ``kind`` is ``missing`` when the view lacks it, ``extra`` when the log knows no such row.
    """

    table: str
    kind: str
    key: Mapping[str, object]
    columns: Mapping[str, tuple[object, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyResult:
    """What a check of one generation of a view came to.

    ``positions`` are the offsets by partition up to which every row was compared. ``differences``
    are the first of ``difference_count``, which does not count the ``repaired_count`` that were
    put right. ``waiting_count`` entities end at a record that the view cannot take.
    """

    view: str
    generation: int
    topic: str
    positions: Mapping[int, int]
    checked_at: datetime
    row_count: int
    difference_count: int
    repaired_count: int
    waiting_count: int
    differences: tuple[ViewDifference, ...]

    @property
    def is_equal(self) -> bool:
        """Whether every row is as the log says."""
        return self.difference_count == 0


class ConsistencyResults:
    """The last result of each view in Cassandra; raises StoreUnavailable and ViewsMissing."""

    def __init__(self, cql: CassandraSession) -> None:
        self._cql = cql

    def keep(self, result: ConsistencyResult) -> None:
        """Have it stand as the last one of its view."""
        self._cql.execute(
            _KEEP,
            [
                result.view,
                result.generation,
                result.topic,
                dict(result.positions),
                result.checked_at,
                result.row_count,
                result.difference_count,
                result.repaired_count,
                result.waiting_count,
                json.dumps([asdict(each) for each in result.differences]),
            ],
        )

    def all(self) -> list[ConsistencyResult]:
        """Give the last one of every view that was ever checked, by name."""
        return sorted(map(_result, self._cql.execute(_ALL_RESULTS)), key=lambda each: each.view)


async def consistency_results(cql: QueryRunner) -> list[ConsistencyResult]:
    """List the last result of every view that was ever checked, by name."""
    return sorted(map(_result, await cql.select(_ALL_RESULTS)), key=lambda each: each.view)


def _result(row: Row) -> ConsistencyResult:
    """Read back what ``keep`` wrote."""
    return ConsistencyResult(
        view=row["view_name"],
        generation=row["generation"],
        topic=row["topic"],
        positions=dict(row["positions"] or {}),
        checked_at=row["checked_at"].replace(tzinfo=UTC),
        row_count=row["row_count"],
        difference_count=row["difference_count"],
        repaired_count=row["repaired_count"],
        waiting_count=row["waiting_count"],
        differences=tuple(
            ViewDifference(
                table=each["table"],
                kind=each["kind"],
                key=each["key"],
                columns={
                    name: (by_log, found) for name, (by_log, found) in each["columns"].items()
                },
            )
            for each in json.loads(row["differences"])
        ),
    )
