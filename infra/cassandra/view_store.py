"""The view store: rows of views, and how far each view has read the log."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Protocol

from cassandra.query import BatchStatement, BatchType, BoundStatement

from infra.cassandra.column_encryption import encrypted_operations
from infra.cassandra.generations import PARTITION_STATES, CassandraGenerations
from infra.cassandra.parked_records import CassandraParkedRecords, ParkedRecordStore
from infra.cassandra.row_operations import RowOperation, Table, Upsert
from infra.cassandra.session import CassandraSession, Row
from infra.errors import ViewsMissing
from infra.settings import CassandraSettings

STATE_TABLES = (
    "projection_state",
    "active_generation",
    "generations",
    "parked_records",
)

_ROWS_PER_BATCH = 100
_SAVE = (
    "INSERT INTO projection_state"
    " (view_name, generation, topic, partition, applied_offset, event_count, updated_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How far one generation of a view has got in one partition.

    ``applied_offset`` is the next offset to apply: what lies before it is in the rows.
    """

    view: str
    generation: int
    topic: str
    partition: int
    applied_offset: int
    event_count: int


class ViewStore(Protocol):
    """Keeps rows that only events change, and the checkpoints of the processes that write them.

    What a call wrote is kept when it returns; when it raises, any part of it may be kept, and
    writing it again does no harm. Every method raises StoreUnavailable when the store does not
    answer, and ViewsMissing when a table was never made.
    """

    @property
    def parked_records(self) -> ParkedRecordStore:
        """The records that a view could not take."""

    def write(self, operations: Iterable[RowOperation], *, generation: int) -> None:
        """Carry out operations on the tables of one generation, in any order.

        The latest ``written_at_us`` wins column by column, a deletion wins a tie.
        """

    def save(self, checkpoints: Iterable[Checkpoint]) -> None:
        """Keep checkpoints; one that is behind the kept one changes nothing."""

    def checkpoints(self, view: str, generation: int) -> list[Checkpoint]:
        """Give those of one generation of a view; a partition never saved is not among them."""


class CassandraViewStore:
    """Views in Cassandra: the rows of a partition travel together, many partitions at once.

    Personal columns are encrypted on the way, which raises KeysLost without the keyring.
    """

    def __init__(self, cql: CassandraSession) -> None:
        self._cql = cql
        self.generations = CassandraGenerations(cql)
        self.parked_records = CassandraParkedRecords(cql)

    @classmethod
    def connect(cls, settings: CassandraSettings) -> "CassandraViewStore":
        """Open the keyspace; raises StoreUnavailable, or ViewsMissing when there is none."""
        return cls(CassandraSession(settings, keyspace=settings.keyspace))

    @property
    def cql(self) -> CassandraSession:
        """The session, for what else lies in the keyspace of the views."""
        return self._cql

    def close(self) -> None:
        """Close the connections."""
        self._cql.close()

    def tables(self) -> set[str]:
        """Name the tables that there are; raises StoreUnavailable."""
        found = self._cql.execute(
            "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?",
            [self._cql.keyspace],
        )
        return {row["table_name"] for row in found}

    def require(self, tables: Iterable[str]) -> None:
        """Raise ViewsMissing naming each table that is not there; generations included."""
        missing = {*tables, *STATE_TABLES} - self.tables()
        if missing:
            raise ViewsMissing(f"no table {', '.join(sorted(missing))}; run 'scalehoster up'")

    def write(self, operations: Iterable[RowOperation], *, generation: int) -> None:
        """Carry out operations; see ViewStore."""
        partitions: dict[tuple[object, ...], list[RowOperation]] = {}
        for operation in encrypted_operations(operations):
            table = operation.table
            partition = (table.name, *operation.key[: len(table.partition_key)])
            partitions.setdefault(partition, []).append(operation)
        # Bound one by one on the way: Cassandra takes in the first while we write the next.
        self._cql.execute_all(
            batch
            for rows in partitions.values()
            for batch in _batches(self._bound(each, generation) for each in rows)
        )

    def save(self, checkpoints: Iterable[Checkpoint]) -> None:
        """Keep checkpoints; see ViewStore.

        The write timestamp is the offset itself: the furthest wins, whatever the clocks say and
        however late a process that lost its partitions wakes up.
        """
        now = datetime.now(UTC)
        partitions: dict[tuple[str, int], list[BoundStatement]] = {}
        for each in checkpoints:
            place = (each.view, each.generation, each.topic, each.partition)
            progress = (each.applied_offset, each.event_count, now, each.applied_offset)
            bound = self._cql.bound(_SAVE, (*place, *progress))
            partitions.setdefault(place[:2], []).append(bound)
        self._cql.execute_all(batch for each in partitions.values() for batch in _batches(each))

    def checkpoints(self, view: str, generation: int) -> list[Checkpoint]:
        """Give the checkpoints of one generation; see ViewStore."""
        rows = self._cql.execute(PARTITION_STATES, [view, generation])
        return checkpoints_of(view, generation, rows)

    def _bound(self, operation: RowOperation, generation: int) -> BoundStatement:
        table = operation.table
        if isinstance(operation, Upsert):
            insert = _insert(table, generation, tuple(operation.columns))
            values = (*operation.key, *operation.columns.values(), operation.written_at_us)
            return self._cql.bound(insert, values)
        delete = _delete(table, generation, len(operation.key))
        return self._cql.bound(delete, (operation.written_at_us, *operation.key))


def checkpoints_of(view: str, generation: int, rows: Iterable[Row]) -> list[Checkpoint]:
    """Read the checkpoints in the rows of ``PARTITION_STATES``."""
    return [
        Checkpoint(
            view=view,
            generation=generation,
            topic=row["topic"],
            partition=row["partition"],
            applied_offset=row["applied_offset"],
            event_count=row["event_count"],
        )
        for row in rows
        if row["applied_offset"] is not None
    ]


@cache
def _insert(table: Table, generation: int, columns: tuple[str, ...]) -> str:
    names = (*table.key, *columns)
    marks = ", ".join("?" * len(names))
    into = f"{table.at(generation)} ({', '.join(names)})"
    return f"INSERT INTO {into} VALUES ({marks}) USING TIMESTAMP ?"  # noqa: S608 - names are ours


@cache
def _delete(table: Table, generation: int, key_columns: int) -> str:
    places = " AND ".join(f"{column} = ?" for column in table.key[:key_columns])
    return f"DELETE FROM {table.at(generation)} USING TIMESTAMP ? WHERE {places}"  # noqa: S608 - names are ours


def _batches(statements: Iterable[BoundStatement]) -> Iterator[BoundStatement | BatchStatement]:
    """Batch statements of one partition, which applies each batch as one write."""
    left = iter(statements)
    while some := list(islice(left, _ROWS_PER_BATCH)):
        if len(some) == 1:
            yield some[0]
            continue
        batch = BatchStatement(BatchType.UNLOGGED)
        for statement in some:
            batch.add(statement)
        yield batch
