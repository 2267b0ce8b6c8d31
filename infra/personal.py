"""Personal columns of the views: sealed in Cassandra, and opened for whoever may read them.

What a destroyed key sealed reads as if nothing had been said, wherever a copy of the row turns up:
in a table, a commit log, a snapshot.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec.structs import replace

from avro_schemas.sealing import Subject, sealer
from infra.rows import Operation, Table, Upsert, Value

PERSONAL: Mapping[str, Value] = {
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


def sealed(operation: Operation) -> Operation:
    """Seal what an operation writes into personal columns; twice is as good as once.

    Raises KeysLost.
    """
    (done,) = all_sealed([operation])
    return done


def all_sealed(operations: Iterable[Operation]) -> Iterator[Operation]:
    """Seal as ``sealed`` does, but once what several rows of an entity say alike."""
    known: dict[tuple[Subject, str, Value], bytes] = {}
    for operation in operations:
        if not isinstance(operation, Upsert) or PERSONAL.keys().isdisjoint(operation.columns):
            yield operation
            continue
        subject = _subject(operation)
        columns = dict(operation.columns)
        for name in PERSONAL.keys() & columns.keys():
            said = (subject, name, columns[name])
            if (found := known.get(said)) is None:
                found = known[said] = _sealed(*said)
            columns[name] = found
        yield replace(operation, columns=columns)


def opened(row: Mapping[str, Any]) -> dict[str, Any]:
    """Open the personal columns of a row; raises KeysLost, BrokenSeal."""
    return {
        name: _opened(name, value) if isinstance(value, bytes) and name in PERSONAL else value
        for name, value in row.items()
    }


def without_erased(row: Mapping[str, Any]) -> dict[str, Any]:
    """Leave a row sealed, but blank what can be opened no more, as a rebuild would write it.

    Raises KeysLost, BrokenSeal.
    """
    return {
        name: _BLANK
        if isinstance(value, bytes) and name in PERSONAL and _opened(name, value) == PERSONAL[name]
        else value
        for name, value in row.items()
    }


def shown(value: object) -> object:
    """Show a value of a row to an operator: of a sealed one, only which it is."""
    return f"sealed {value.hex()[-_SHOWN_DIGITS:]}" if isinstance(value, bytes) else value


def _sealed(subject: Subject, name: str, value: Value) -> bytes:
    if isinstance(value, bytes):
        return value
    if value == PERSONAL[name]:
        return _BLANK
    return sealer().seal(subject, msgspec.json.encode(value), name) or _BLANK


def _opened(name: str, value: bytes) -> Value:
    plain = sealer().open(value, name) if value else None
    if plain is None:
        return PERSONAL[name]
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
