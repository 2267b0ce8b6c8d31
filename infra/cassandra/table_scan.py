"""Scans of whole tables, token range by token range, while writers go on."""

from collections.abc import Iterator

from cassandra.metadata import Murmur3Token

from infra.cassandra.column_encryption import blank_erased_columns
from infra.cassandra.row_operations import ColumnValue, Table
from infra.cassandra.session import CassandraSession, Row

_FIRST_TOKEN = -(2**63)
_LAST_TOKEN = 2**63 - 1


class TableScan:
    """Reads all rows of a table in parts of about the same size; raises StoreUnavailable.

    A part holds the same partitions in every table with the same partition key.
    """

    def __init__(self, cql: CassandraSession) -> None:
        self._cql = cql

    def rows(self, table: Table, generation: int, part: int, parts: int) -> Iterator[Row]:
        """Give the rows of one part, in any order, encrypted as they are."""
        width = _width(parts)
        first = _FIRST_TOKEN + part * width
        last = _LAST_TOKEN if part == parts - 1 else first + width - 1
        token = f"token({', '.join(table.partition_key)})"
        found = self._cql.execute(
            f"SELECT * FROM {table.at(generation)} WHERE {token} >= ? AND {token} <= ?",  # noqa: S608 - names are ours
            [first, last],
        )
        yield from (blank_erased_columns(row, table) for row in found)

    def part_of(
        self, table: Table, generation: int, key: tuple[ColumnValue, ...], parts: int
    ) -> int:
        """Say in which part ``rows`` gives the row of this key."""
        columns = table.partition_key
        places = " AND ".join(f"{column} = ?" for column in columns)
        select = self._cql.prepared(f"SELECT * FROM {table.at(generation)} WHERE {places}")  # noqa: S608 - names are ours
        token = Murmur3Token.hash_fn(select.bind(key[: len(columns)]).routing_key)
        return min((int(token) - _FIRST_TOKEN) // _width(parts), parts - 1)


def _width(parts: int) -> int:
    return (_LAST_TOKEN - _FIRST_TOKEN) // parts
