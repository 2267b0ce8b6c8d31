"""Conversion between a frozen dataclass and the plain record that Avro writes.

The way is worked out from the class's type hints, once; after that a message costs a few calls.
"""

from collections.abc import Callable
from dataclasses import is_dataclass
from datetime import datetime
from enum import Enum
from operator import attrgetter
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

Convert = Callable[[Any], Any]


def to_record(kind: type) -> Convert:
    """Say how an instance of this class becomes a record.

    The way raises ValueError for a datetime without a time zone, which Avro would take for local.
    """
    names = tuple(get_type_hints(kind))
    values = attrgetter(*names) if len(names) > 1 else lambda one: (getattr(one, names[0]),)
    steps = _steps(kind, _write)

    def write(instance: object) -> dict[str, Any]:
        record = dict(zip(names, values(instance), strict=True))
        for name, convert in steps:
            record[name] = convert(record[name])
        return record

    return write


def from_record(kind: type) -> Convert:
    """Say how a record becomes an instance of this class; the record is used up.

    The way raises ValueError for a word that is not among an enum's.
    """
    steps = _steps(kind, _read)

    def read(record: dict[str, Any]) -> object:
        for name, convert in steps:
            record[name] = convert(record[name])
        return kind(**record)

    return read


def _steps(kind: type, way: Callable[[object], Convert | None]) -> list[tuple[str, Convert]]:
    """List the fields whose values differ in class and record; the others are left alone."""
    ways = {name: way(hint) for name, hint in get_type_hints(kind).items()}
    return [(name, convert) for name, convert in ways.items() if convert]


def _write(hint: object) -> Convert | None:
    if hint is datetime:
        return _aware
    if isinstance(hint, type) and is_dataclass(hint):
        return to_record(hint)
    if get_origin(hint) is tuple:
        return _each(_write(get_args(hint)[0]), list)
    return _unless_none(hint, _write)


def _read(hint: object) -> Convert | None:
    if isinstance(hint, type) and is_dataclass(hint):
        return from_record(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if get_origin(hint) is tuple:
        return _each(_read(get_args(hint)[0]), tuple)
    return _unless_none(hint, _read)


def _each(convert: Convert | None, sequence: type) -> Convert:
    return (lambda values: sequence(map(convert, values))) if convert else sequence


def _unless_none(hint: object, way: Callable[[object], Convert | None]) -> Convert | None:
    if NoneType not in get_args(hint):
        return None
    (inner,) = (part for part in get_args(hint) if part is not NoneType)
    convert = way(inner)
    return (lambda value: None if value is None else convert(value)) if convert else None


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value
