"""Encryption of personal columns: each table names its own, and whose key they are under.

What a destroyed key encrypted reads as if nothing had been said, wherever a copy of the row turns
up: in a table, a commit log, a snapshot.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec.structs import replace

from avro_schemas.encryption import Subject, process_encryptor
from infra.cassandra.row_operations import ColumnValue, RowOperation, Table, Upsert

_BLANK = b""
_SHOWN_DIGITS = 8


def encrypted_operation(operation: RowOperation) -> RowOperation:
    """Encrypt what an operation writes into personal columns; twice is as good as once.

    Raises KeysLost.
    """
    (done,) = encrypted_operations([operation])
    return done


def encrypted_operations(operations: Iterable[RowOperation]) -> Iterator[RowOperation]:
    """Encrypt like ``encrypted_operation``, but once what several rows of an entity say alike."""
    known: dict[tuple[Subject, str, ColumnValue, ColumnValue], bytes] = {}
    for operation in operations:
        blanks = _blanks(operation.table)
        if not isinstance(operation, Upsert) or blanks.keys().isdisjoint(operation.columns):
            yield operation
            continue
        subject = _subject(operation)
        columns = dict(operation.columns)
        for name in blanks.keys() & columns.keys():
            said = (subject, name, columns[name], blanks[name])
            if (found := known.get(said)) is None:
                found = known[said] = _encrypted(*said)
            columns[name] = found
        yield replace(operation, columns=columns)


def decrypted_row(row: Mapping[str, Any], *tables: Table) -> dict[str, Any]:
    """Decrypt the personal columns of a row of these tables; raises KeysLost, InvalidCiphertext."""
    blanks = _blanks(*tables)
    return {
        name: _decrypted(name, value, blanks[name])
        if isinstance(value, bytes) and name in blanks
        else value
        for name, value in row.items()
    }


def blank_erased_columns(row: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """Leave a row encrypted, but blank what no key decrypts any more, as a rebuild would write it.

    Raises KeysLost, InvalidCiphertext.
    """
    blanks = _blanks(table)
    return {
        name: _BLANK
        if isinstance(value, bytes)
        and name in blanks
        and _decrypted(name, value, blanks[name]) == blanks[name]
        else value
        for name, value in row.items()
    }


def masked_value(value: object) -> object:
    """Show a value of a row to an operator: of an encrypted one, only which it is."""
    return f"sealed {value.hex()[-_SHOWN_DIGITS:]}" if isinstance(value, bytes) else value


def _encrypted(subject: Subject, name: str, value: ColumnValue, blank: ColumnValue) -> bytes:
    if isinstance(value, bytes):
        return value
    if value == blank:
        return _BLANK
    return process_encryptor().encrypt(subject, msgspec.json.encode(value), name) or _BLANK


def _decrypted(name: str, value: bytes, blank: ColumnValue) -> ColumnValue:
    plain = process_encryptor().decrypt(value, name) if value else None
    if plain is None:
        return blank
    found = msgspec.json.decode(plain)
    return tuple(found) if isinstance(found, list) else found


def _subject(operation: Upsert) -> Subject:
    tenant_id = operation.key[0]  # every key with personal columns begins with the tenant
    place = _entity_place(operation.table)
    entity = operation.columns[operation.table.entity] if place is None else operation.key[place]
    return str(tenant_id), str(entity)


@cache
def _entity_place(table: Table) -> int | None:
    return table.key.index(table.entity) if table.entity in table.key else None


@cache
def _blanks(*tables: Table) -> Mapping[str, ColumnValue]:
    return {name: blank for table in tables for name, blank in table.personal}
