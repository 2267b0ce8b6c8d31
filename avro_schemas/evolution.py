"""Compatibility rules: what a version of a schema may not change.

Avro's own checker knows most of it. It does not look at logical types, at the defaults' own types
or at namespaces; we do.
"""

from collections.abc import Iterator, Sequence
from typing import cast

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import (
    ArraySchema,
    EnumSchema,
    Field,
    MapSchema,
    NamedSchema,
    RecordSchema,
    Schema,
    UnionSchema,
    parse,
)

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "int": (int,),
    "long": (int,),
    "float": (float, int),
    "double": (float, int),
    "string": (str,),
    "bytes": (str,),  # JSON has no bytes: each character stands for one
    "fixed": (str,),
}


def breaks(reader: str, writer: str) -> list[str]:
    """Say why code with the reader's schema would misread what the writer's schema wrote.

    Empty when it would not.
    """
    pair = parse(reader), parse(writer)
    return [*_mismatches(*pair), *_silent_changes(*pair), *wrong_defaults(reader)]


def wrong_defaults(text: str) -> list[str]:
    """Name every default that is not a value of its field's type.

    A union's default must fit its first branch: that is what older Avro libraries look at.
    """
    whole = parse(text)
    return [
        f"{place}.{field.name}: the default {field.default!r} is no {field.type}"
        for place, record, _ in _pairs("", whole, whole)
        if isinstance(record, RecordSchema)
        for field in record.fields
        if field.has_default and not _is_value_of(field.type, field.default)
    ]


def _mismatches(reader: Schema, writer: Schema) -> list[str]:
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]  # avro's own gap
    verdict = checker.get_compatibility(reader, writer)
    if verdict.compatibility is SchemaCompatibilityType.compatible:
        return []
    kinds = ", ".join(kind.value for kind in verdict.incompatibilities)
    return [f"{', '.join(sorted(verdict.locations))}: {kinds}"]


def _silent_changes(reader: Schema, writer: Schema) -> Iterator[str]:
    for place, new, old in _pairs("", reader, writer):
        meant, was = new.get_prop("logicalType"), old.get_prop("logicalType")
        if meant != was:
            yield f"{place}: logical type {was} became {meant}"
        if not isinstance(new, NamedSchema) or not isinstance(old, NamedSchema):
            continue
        if old.fullname not in _full_names(new):
            yield f"{place}: {old.fullname} became {new.fullname} without an alias"


def _pairs(place: str, reader: Schema, writer: Schema) -> Iterator[tuple[str, Schema, Schema]]:
    """Walk both schemas at once: every place, what stands there and what stood there."""
    for new, old in _branch_pairs(reader, writer):
        yield place, new, old
        if isinstance(new, RecordSchema) and isinstance(old, RecordSchema):
            for field in new.fields:
                for former in _former(field, old):
                    yield from _pairs(f"{place}.{field.name}", field.type, former.type)
        if isinstance(new, ArraySchema) and isinstance(old, ArraySchema):
            yield from _pairs(f"{place}[]", new.items, old.items)
        if isinstance(new, MapSchema) and isinstance(old, MapSchema):
            yield from _pairs(f"{place}{{}}", new.values, old.values)


def _branch_pairs(reader: Schema, writer: Schema) -> list[tuple[Schema, Schema]]:
    news, olds = _branches(reader), _branches(writer)
    if len(news) == len(olds) == 1:
        return [(reader, writer)]
    return [(new, old) for new in news for old in olds if _kind(new) == _kind(old)]


def _branches(schema: Schema) -> Sequence[Schema]:
    return schema.schemas if isinstance(schema, UnionSchema) else [schema]


def _kind(schema: Schema) -> str:
    return schema.name if isinstance(schema, NamedSchema) else schema.type


def _former(field: Field, record: RecordSchema) -> list[Field]:
    names = [field.name, *_aliases(field)]
    return [record.fields_dict[name] for name in names if name in record.fields_dict][:1]


def _full_names(schema: NamedSchema) -> set[str]:
    namespace, _, _ = schema.fullname.rpartition(".")
    former = (a if "." in a else f"{namespace}.{a}" for a in _aliases(schema))
    return {schema.fullname, *former}


def _aliases(named: NamedSchema | Field) -> list[str]:
    return cast("list[str]", named.get_prop("aliases") or [])


def _is_value_of(schema: Schema, default: object) -> bool:
    match schema:
        case UnionSchema():
            return _is_value_of(schema.schemas[0], default)
        case ArraySchema():
            return isinstance(default, list) and all(
                _is_value_of(schema.items, item) for item in default
            )
        case MapSchema():
            return isinstance(default, dict) and all(
                _is_value_of(schema.values, value) for value in default.values()
            )
        case RecordSchema():
            return isinstance(default, dict) and all(
                _is_value_of(field.type, default.get(field.name, field.default))
                for field in schema.fields
            )
        case EnumSchema():
            return default in schema.symbols
        case _:
            return type(default) in _PYTHON_TYPES[schema.type]
