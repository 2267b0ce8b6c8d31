"""Encryption of personal fields: on the wire they are bytes that need a key outside the log.

A field of a schema is encrypted when it has the attribute ``sealed``: the type of its value, which
is written in Avro and encrypted under the key of the entity that the message is about. ``erased``
is what is read once that key was destroyed. A process has one Encryptor, which its start sets; who
needs other keys hands them to the codec.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Protocol

from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.types import Schema

from avro_schemas.errors import KeysLost

Json = Any
Subject = tuple[str, str]  # tenant, entity
FieldTransform = Callable[["EncryptedField", Any], Any]
FieldVisitor = Callable[[Any, FieldTransform], None]


class Encryptor(Protocol):
    """Encrypts under a key of its own for each subject, until that key is destroyed."""

    def encrypt(self, subject: Subject, plain: bytes, label: str) -> bytes | None:
        """Encrypt; None when the subject's key was destroyed. Equal input gives equal bytes.

        Raises KeysLost.
        """

    def decrypt(self, encrypted: bytes, label: str) -> bytes | None:
        """Decrypt what ``encrypt`` gave; None when the subject's key was destroyed.

        Raises KeysLost when there should be a key and is none, InvalidCiphertext for altered bytes
        or another label.
        """


class KeylessEncryptor:
    """Reads all that is encrypted as if it was erased: for readers of everything else."""

    def encrypt(self, subject: Subject, plain: bytes, label: str) -> None:
        """Leave it out."""

    def decrypt(self, encrypted: bytes, label: str) -> None:
        """Leave it encrypted."""


class _ProcessEncryptor:
    """The Encryptor of this process; there is none until ``use_encryptor``."""

    current: Encryptor | None = None


def use_encryptor(encryptor: Encryptor) -> None:
    """Set the keys of this process: once, at its start, before any thread of it needs them."""
    _ProcessEncryptor.current = encryptor


def process_encryptor() -> Encryptor:
    """Return the keys of this process; raises KeysLost when it was given none."""
    if _ProcessEncryptor.current is None:
        raise KeysLost("this process was given no keyring")
    return _ProcessEncryptor.current


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedField:
    """How an encrypted field is written inside, and what stands for it once it is erased (JSON).

    That says nothing about anybody, so it is written as no bytes at all.
    """

    name: str
    inner: Schema
    erased: str
    blank: Json

    def encrypt(self, value: object, subject: Subject, keys: Encryptor | None) -> bytes:
        """Turn a value as Avro writes it into the field's bytes: none for an erased subject."""
        if value == self.blank:
            return b""
        buffer = BytesIO()
        schemaless_writer(buffer, self.inner, value)
        keys = keys or process_encryptor()
        return keys.encrypt(subject, buffer.getvalue(), self.name) or b""

    def decrypt(self, encrypted: bytes, keys: Encryptor | None) -> Any:  # noqa: ANN401 - whatever the inner type says
        """Turn the field's bytes into the value as Avro reads it."""
        keys = keys or process_encryptor() if encrypted else None
        plain = keys.decrypt(encrypted, self.name) if keys else None
        if plain is None:
            return self.blank if isinstance(self.blank, str) else json.loads(self.erased)
        return schemaless_reader(BytesIO(plain), self.inner, None)


class FieldEncryption:
    """Which fields of one schema are encrypted; ``plain_schema`` is the schema as if none were."""

    def __init__(self, text: str) -> None:
        self._known: dict[str, Json] = {}
        self.plain_schema: Schema = parse_schema(json.loads(plain_schema_text(text)))
        self._apply = self._of(json.loads(text))

    def encrypt(self, record: dict[str, Any], keys: Encryptor | None) -> None:
        """Encrypt the record's fields in place, under the entity that it tells of."""
        if self._apply:
            subject = _subject(record)
            self._apply(record, lambda field, value: field.encrypt(value, subject, keys))

    def decrypt(self, record: dict[str, Any], keys: Encryptor | None) -> None:
        """Decrypt the record's fields in place."""
        if self._apply:
            self._apply(record, lambda field, encrypted: field.decrypt(encrypted, keys))

    def _of(self, schema: Json) -> FieldVisitor | None:
        """Say how to go through the encrypted fields of a value of this type, if it has any."""
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

    def _step(self, field: Json) -> FieldVisitor | None:
        name = field["name"]
        if "sealed" not in field:
            inside = self._of(field["type"])
            return (lambda record, apply: inside(record[name], apply)) if inside else None
        encrypted = EncryptedField(
            name=name,
            inner=parse_schema(self._defined(field["sealed"])),
            erased=json.dumps(field["erased"]),
            blank=field["erased"],
        )

        def step(record: dict[str, Any], apply: FieldTransform) -> None:
            record[name] = apply(encrypted, record[name])

        return step

    def _defined(self, schema: Json) -> Json:
        """Replace the name of a type by the type, which may have been defined in another field."""
        match schema:
            case {"type": "record", "name": name}:
                self._known[name] = schema
            case str():
                return self._known.get(schema, schema)
        return schema


def plain_schema_text(text: str) -> str:
    """Write a schema as if no field were encrypted: what its values mean."""
    return json.dumps(_plain(json.loads(text)))


def _plain(schema: Json) -> Json:
    match schema:
        case {"sealed": inner, "erased": erased, **field}:
            default = {"default": erased} if "default" in field else {}
            return {**field, "type": inner, **default}
        case dict():
            return {name: _plain(part) for name, part in schema.items()}
        case list():
            return [_plain(part) for part in schema]
    return schema


def _subject(record: dict[str, Any]) -> Subject:
    about = record.get("metadata", record)
    entity = about["entity_id"] if "entity_id" in about else about["asset_id"]
    return about["tenant_id"], entity


def _each_field(
    steps: list[FieldVisitor | None],
) -> FieldVisitor | None:
    found = [step for step in steps if step]

    def through(record: Any, apply: FieldTransform) -> None:  # noqa: ANN401 - a record
        for step in found:
            step(record, apply)

    return through if found else None


def _each_item(inside: FieldVisitor) -> FieldVisitor:
    def through(items: Any, apply: FieldTransform) -> None:  # noqa: ANN401 - an array
        for item in items:
            inside(item, apply)

    return through


def _unless_none(inside: FieldVisitor) -> FieldVisitor:
    def through(value: Any, apply: FieldTransform) -> None:  # noqa: ANN401 - a record or nothing
        if value is not None:
            inside(value, apply)

    return through
