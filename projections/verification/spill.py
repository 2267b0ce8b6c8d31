"""Operations on disk, sorted into parts, so that only one part at a time has to be in memory."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

from infra.cassandra.row_operations import ColumnValue, Delete, RowOperation, Table, Upsert


class OperationSpill:
    """A file for each part in a directory of its own, removed at the end.

    Operations on one row come back in the order in which they were added. Raises OSError when the
    disk is full.
    """

    def __init__(self, tables: Sequence[Table], parts: int, under: Path) -> None:
        self._tables = {table.name: table for table in tables}
        under.mkdir(parents=True, exist_ok=True)
        self._directory = Path(mkdtemp(prefix="consistency-", dir=under))
        self._files = [
            self._directory.joinpath(f"{part}.ndjson").open("w+", encoding="utf-8")
            for part in range(parts)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()
        shutil.rmtree(self._directory)

    def add(self, part: int, operation: RowOperation) -> None:
        """Keep one more operation of a part."""
        columns = operation.columns if isinstance(operation, Upsert) else None
        line = [operation.table.name, operation.key, columns, operation.written_at_us]
        text = json.dumps(line, separators=(",", ":"), default=_as_hex)
        self._files[part].write(text + "\n")

    def operations(self, part: int) -> Iterator[RowOperation]:
        """Give all operations of a part."""
        file = self._files[part]
        file.seek(0)
        for line in file:
            name, key, columns, at_us = json.loads(line)
            table, key = self._tables[name], tuple(key)
            if columns is None:
                yield Delete(table=table, key=key, written_at_us=at_us)
            else:
                values = {column: _value(value) for column, value in columns.items()}
                yield Upsert(table=table, key=key, columns=values, written_at_us=at_us)
        file.seek(0, 2)


def _as_hex(value: bytes) -> dict[str, str]:
    return {"hex": value.hex()}


def _value(value: ColumnValue | list[str] | dict[str, str]) -> ColumnValue:
    match value:
        case list():
            return tuple(value)
        case dict():
            return bytes.fromhex(value["hex"])
    return value
