"""Reading whole tables, a part at a time, without anything that writes them."""

from collections.abc import Iterator

from infra.cql import Cql, Row
from infra.rows import Table

_FIRST_TOKEN = -(2**63)
_LAST_TOKEN = 2**63 - 1


class RowScan:
    """Reads all rows of a table in parts of about the same size; raises StoreUnavailable.

    A part holds the same partitions in every table with the same partition key.
    """

    def __init__(self, cql: Cql) -> None:
        self._cql = cql

    def rows(self, table: Table, generation: int, part: int, parts: int) -> Iterator[Row]:
        """Give the rows of one part, in any order."""
        width = (_LAST_TOKEN - _FIRST_TOKEN) // parts
        first = _FIRST_TOKEN + part * width
        last = _LAST_TOKEN if part == parts - 1 else first + width - 1
        token = f"token({', '.join(table.partition_key)})"
        yield from self._cql.execute(
            f"SELECT * FROM {table.at(generation)} WHERE {token} >= ? AND {token} <= ?",  # noqa: S608 - names are ours
            [first, last],
        )
