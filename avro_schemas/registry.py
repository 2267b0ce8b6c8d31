"""The registry of schemas, by id and by name and version.

The ``.avsc`` files and ``ids.json`` beside this module are the truth. They are read once, on first
use. A message's subject is its full Avro name (Confluent's RecordNameStrategy).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from fastavro import parse_schema
from fastavro.types import Schema

from avro_schemas.encryption import FieldEncryption
from avro_schemas.errors import UnknownSchema
from avro_schemas.nested_records import written_out

_NAMESPACE = "scalehoster"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSchema:
    """One version of how one message is written; ``text`` is its file, nested records written out.

    ``encryption`` says which of its fields are encrypted.
    """

    schema_id: int
    name: str
    version: int
    text: str
    parsed: Schema
    encryption: FieldEncryption

    @property
    def subject(self) -> str:
        """The name under which Confluent's tools know it."""
        return f"{_NAMESPACE}.{self.name}"


@cache
def schemas() -> Mapping[int, WrittenSchema]:
    """Show every schema by its id, each message's versions in ascending order."""
    folder = files("avro_schemas")
    ids: dict[str, int] = json.loads(folder.joinpath("ids.json").read_text("utf-8"))
    found = {}

    def nested(record: str) -> str:
        return folder.joinpath("nested", f"{record}.avsc").read_text("utf-8")

    for key, schema_id in ids.items():
        name, version = key.split(".v")
        text = written_out(folder.joinpath(f"{key}.avsc").read_text("utf-8"), nested)
        found[schema_id] = WrittenSchema(
            schema_id=schema_id,
            name=name,
            version=int(version),
            text=text,
            parsed=parse_schema(json.loads(text)),
            encryption=FieldEncryption(text),
        )
    return MappingProxyType(found)


def schema(schema_id: int) -> WrittenSchema:
    """Find a schema by its id.

    Raises UnknownSchema.
    """
    found = schemas().get(schema_id)
    if found is None:
        raise UnknownSchema(f"no schema has the id {schema_id}")
    return found


def subjects() -> list[str]:
    """List every subject, sorted."""
    return sorted(_by_subject())


def versions(subject: str) -> Mapping[int, WrittenSchema]:
    """Show a subject's schemas by version, ascending.

    Raises UnknownSchema.
    """
    found = _by_subject().get(subject)
    if found is None:
        raise UnknownSchema(f"no subject {subject}")
    return found


def newest(name: str) -> WrittenSchema:
    """Find the schema that today's messages of this class are written with.

    Raises UnknownSchema.
    """
    found = versions(f"{_NAMESPACE}.{name}")
    return found[max(found)]


@cache
def _by_subject() -> Mapping[str, Mapping[int, WrittenSchema]]:
    found: dict[str, dict[int, WrittenSchema]] = {}
    for one in schemas().values():
        found.setdefault(one.subject, {})[one.version] = one
    return found
