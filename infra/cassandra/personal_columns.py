"""Personal columns of the views: sealed in Cassandra, and opened for whoever may read them.

What a destroyed key sealed reads as if nothing had been said, wherever a copy of the row turns up:
in a table, a commit log, a snapshot.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec.structs import replace

from avro_schemas.encryption import Subject, encryptor
from infra.cassandra.row_operations import ColumnValue, RowOperation, Table, Upsert

PERSONAL_COLUMNS: Mapping[str, ColumnValue] = {
    "source_url": "",
    "source_file_name": "",
    "title": "",
    "alt_text": "",
    "tags": (),
    "metadata": "{}",
    "thumbhash": "",
    "facts": "null",
    "fetch": "null",
    "failure_detail": "",
    "event": "null",
    "outcome": "{}",
    "filter": "{}",
    "instructions": "{}",
    "reason": "",
    "detail": "",
}
"""Every such column of any view, and what it says when nothing is said; that is not sealed."""

_BLANK = b""
_ENTITIES = ("asset_id", "entity_id", "operation_id")
_SHOWN_DIGITS = 8


def encrypted_operation(operation: RowOperation) -> RowOperation:
    """Seal what an operation writes into personal columns; twice is as good as once.

    Raises KeysLost.
    """
    (done,) = encrypted_operations([operation])
    return done


def encrypted_operations(operations: Iterable[RowOperation]) -> Iterator[RowOperation]:
    """Seal as ``encrypted_operation`` does, but once what several rows of an entity say alike."""
    known: dict[tuple[Subject, str, ColumnValue], bytes] = {}
    for operation in operations:
        if not isinstance(operation, Upsert) or PERSONAL_COLUMNS.keys().isdisjoint(
            operation.columns
        ):
            yield operation
            continue
        subject = _subject(operation)
        columns = dict(operation.columns)
        for name in PERSONAL_COLUMNS.keys() & columns.keys():
            said = (subject, name, columns[name])
            if (found := known.get(said)) is None:
                found = known[said] = _sealed(*said)
            columns[name] = found
        yield replace(operation, columns=columns)


def decrypted_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Open the personal columns of a row; raises KeysLost, InvalidCiphertext."""
    return {
        name: _opened(name, value)
        if isinstance(value, bytes) and name in PERSONAL_COLUMNS
        else value
        for name, value in row.items()
    }


def blank_erased_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """Leave a row sealed, but blank what can be opened no more, as a rebuild would write it.

    Raises KeysLost, InvalidCiphertext.
    """
    return {
        name: _BLANK
        if isinstance(value, bytes)
        and name in PERSONAL_COLUMNS
        and _opened(name, value) == PERSONAL_COLUMNS[name]
        else value
        for name, value in row.items()
    }


def masked_value(value: object) -> object:
    """Show a value of a row to an operator: of a sealed one, only which it is."""
    return f"sealed {value.hex()[-_SHOWN_DIGITS:]}" if isinstance(value, bytes) else value


def _sealed(subject: Subject, name: str, value: ColumnValue) -> bytes:
    if isinstance(value, bytes):
        return value
    if value == PERSONAL_COLUMNS[name]:
        return _BLANK
    return encryptor().encrypt(subject, msgspec.json.encode(value), name) or _BLANK


def _opened(name: str, value: bytes) -> ColumnValue:
    plain = encryptor().decrypt(value, name) if value else None
    if plain is None:
        return PERSONAL_COLUMNS[name]
    found = msgspec.json.decode(plain)
    return tuple(found) if isinstance(found, list) else found


def _subject(operation: Upsert) -> Subject:
    places = _places(operation.table)  # every key begins with the tenant
    for name in _ENTITIES:
        if name in places:
            return str(operation.key[0]), str(operation.key[places[name]])
        if name in operation.columns:
            return str(operation.key[0]), str(operation.columns[name])
    raise LookupError(f"a row of {operation.table.name} does not say whose it is")


@cache
def _places(table: Table) -> Mapping[str, int]:
    return {name: place for place, name in enumerate(table.key)}
