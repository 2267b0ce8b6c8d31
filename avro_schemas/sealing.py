"""Personal fields are sealed: on the wire they are bytes that only a key outside the log opens.

A field of a schema is sealed when it has the attribute ``sealed``: the type of its value, which is
written in Avro and encrypted under the key of the entity that the message is about. ``erased`` is
what is read once that key was destroyed. Which keys there are is known to one Sealer a process.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Protocol

from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.types import Schema

from avro_schemas.errors import KeysLost

Json = Any
Subject = tuple[str, str]  # tenant, entity
Apply = Callable[["SealedField", Any], Any]
Walk = Callable[[Any, Apply], None]


class Sealer(Protocol):
    """Encrypts under a key of its own for each subject, until that key is destroyed."""

    def seal(self, subject: Subject, plain: bytes, label: str) -> bytes | None:
        """Encrypt; None when the subject's key was destroyed. Equal input gives equal bytes.

        Raises KeysLost.
        """

    def open(self, sealed: bytes, label: str) -> bytes | None:
        """Decrypt what ``seal`` gave; None when the subject's key was destroyed.

        Raises KeysLost when there should be a key and is none, BrokenSeal for altered bytes or
        another label.
        """


class WithoutKeys:
    """Reads all that is sealed as if it was erased: for whoever looks at everything else."""

    def seal(self, subject: Subject, plain: bytes, label: str) -> None:
        """Leave it out."""

    def open(self, sealed: bytes, label: str) -> None:
        """Leave it closed."""


class _Sealers:
    """The one Sealer of this process; there is none until ``use``."""

    current: Sealer | None = None


def use(sealer: Sealer) -> None:
    """Have this process seal and open with these keys from now on."""
    _Sealers.current = sealer


@contextmanager
def using(sealer: Sealer) -> Iterator[None]:
    """Seal and open with other keys for a while; not for a process with threads that do too."""
    before = _Sealers.current
    use(sealer)
    try:
        yield
    finally:
        _Sealers.current = before


def sealer() -> Sealer:
    """Give the keys of this process; raises KeysLost when it was given none."""
    if _Sealers.current is None:
        raise KeysLost("this process was given no keyring")
    return _Sealers.current


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedField:
    """How a sealed field is written inside, and what stands for it once it is erased (JSON).

    That says nothing about anybody, so it is written as no bytes at all.
    """

    name: str
    inner: Schema
    erased: str
    blank: Json

    def seal(self, value: object, subject: Subject) -> bytes:
        """Turn a value as Avro writes it into the field's bytes: none for an erased subject."""
        if value == self.blank:
            return b""
        buffer = BytesIO()
        schemaless_writer(buffer, self.inner, value)
        return sealer().seal(subject, buffer.getvalue(), self.name) or b""

    def open(self, sealed: bytes) -> Any:  # noqa: ANN401 - whatever the inner type says
        """Turn the field's bytes into the value as Avro reads it."""
        plain = sealer().open(sealed, self.name) if sealed else None
        if plain is None:
            return self.blank if isinstance(self.blank, str) else json.loads(self.erased)
        return schemaless_reader(BytesIO(plain), self.inner, None)


class Seals:
    """Which fields of one schema are sealed; ``opened`` is the schema as if none were."""

    def __init__(self, text: str) -> None:
        self._known: dict[str, Json] = {}
        self.opened: Schema = parse_schema(json.loads(opened_text(text)))
        self._apply = self._of(json.loads(text))

    def seal(self, record: dict[str, Any]) -> None:
        """Seal the record's fields in place, under the entity that it tells of."""
        if self._apply:
            subject = _subject(record)
            self._apply(record, lambda field, value: field.seal(value, subject))

    def open(self, record: dict[str, Any]) -> None:
        """Open the record's fields in place."""
        if self._apply:
            self._apply(record, lambda field, sealed: field.open(sealed))

    def _of(self, schema: Json) -> Walk | None:
        """Say how to go through the sealed fields of a value of this type, if it has any."""
        match schema:
            case {"type": "record", "name": name, "fields": fields}:
                self._known[name] = schema
                return _each_field([self._step(field) for field in fields])
            case {"type": "array", "items": items}:
                inside = self._of(items)
                return _each_item(inside) if inside else None
            case [*branches]:
                of_branches = [walk for walk in map(self._of, branches) if walk]
                return _unless_none(of_branches[0]) if of_branches else None
            case str() if schema in self._known:
                return self._of(self._known[schema])
        return None

    def _step(self, field: Json) -> Walk | None:
        name = field["name"]
        if "sealed" not in field:
            inside = self._of(field["type"])
            return (lambda record, apply: inside(record[name], apply)) if inside else None
        sealed = SealedField(
            name=name,
            inner=parse_schema(self._defined(field["sealed"])),
            erased=json.dumps(field["erased"]),
            blank=field["erased"],
        )

        def step(record: dict[str, Any], apply: Apply) -> None:
            record[name] = apply(sealed, record[name])

        return step

    def _defined(self, schema: Json) -> Json:
        """Replace the name of a type by the type, which may have been defined in another field."""
        match schema:
            case {"type": "record", "name": name}:
                self._known[name] = schema
            case str():
                return self._known.get(schema, schema)
        return schema


def opened_text(text: str) -> str:
    """Write a schema as if no field were sealed: what its values mean."""
    return json.dumps(_opened(json.loads(text)))


def _opened(schema: Json) -> Json:
    match schema:
        case {"sealed": inner, "erased": erased, **field}:
            default = {"default": erased} if "default" in field else {}
            return {**field, "type": inner, **default}
        case dict():
            return {name: _opened(part) for name, part in schema.items()}
        case list():
            return [_opened(part) for part in schema]
    return schema


def _subject(record: dict[str, Any]) -> Subject:
    about = record.get("metadata", record)
    entity = about["entity_id"] if "entity_id" in about else about["asset_id"]
    return about["tenant_id"], entity


def _each_field(
    steps: list[Walk | None],
) -> Walk | None:
    found = [step for step in steps if step]

    def through(record: Any, apply: Apply) -> None:  # noqa: ANN401 - a record
        for step in found:
            step(record, apply)

    return through if found else None


def _each_item(inside: Walk) -> Walk:
    def through(items: Any, apply: Apply) -> None:  # noqa: ANN401 - an array
        for item in items:
            inside(item, apply)

    return through


def _unless_none(inside: Walk) -> Walk:
    def through(value: Any, apply: Apply) -> None:  # noqa: ANN401 - a record or nothing
        if value is not None:
            inside(value, apply)

    return through
