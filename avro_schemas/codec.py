"""The codec of messages: frames a message as Avro bytes, and reads one back.

The frame is Confluent's, so every Kafka tool can read it: a zero byte, the schema's id as four
big-endian bytes, the Avro body. Personal fields are encrypted in it; see encryption.py.
"""

from functools import cache
from io import BytesIO
from typing import Any, cast, get_args

from fastavro import schemaless_reader, schemaless_writer
from fastavro.types import Schema

from avro_schemas.encryption import Encryptor, FieldEncryption
from avro_schemas.errors import KeysLost, Undecodable
from avro_schemas.records import Convert, from_record, to_record
from avro_schemas.registry import WrittenSchema, newest, schema, versions
from avro_schemas.upcasting import first_upcast
from domain.asset.commands import AssetCommand
from domain.asset.discarded_blobs import BlobsDiscarded
from domain.asset.events import AssetEvent
from domain.asset.jobs import ImageJob
from domain.bulk_operation.commands import OperationCommand
from domain.bulk_operation.events import OperationEvent
from domain.category.commands import CatalogueCommand
from domain.category.events import CatalogueEvent
from domain.dead_letter import DeadLetter
from domain.outcomes import Outcome
from domain.webhook.delivery import WebhookAttempt, WebhookDelivery, WebhookRedelivery

Message = (
    AssetCommand
    | CatalogueCommand
    | OperationCommand
    | AssetEvent
    | CatalogueEvent
    | OperationEvent
    | Outcome
    | ImageJob
    | BlobsDiscarded
    | DeadLetter
    | WebhookDelivery
    | WebhookAttempt
    | WebhookRedelivery
)
KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in get_args(Message)}

_MAGIC = b"\0"
_HEADER_BYTES = 5


def encode(message: Message, encryptor: Encryptor | None = None) -> bytes:
    """Write a message with the newest version of its schema, framed, personal fields encrypted.

    The keys are those of this process, unless an ``encryptor`` with others is given.
    Raises ValueError for a datetime without a time zone or for text that is not UTF-8 (half a
    surrogate pair), OverflowError for an integer beyond 64 bits, KeysLost.
    """
    header, current, record_of = _writer(type(message).__name__)
    record = record_of(message)
    current.encryption.encrypt(record, encryptor)
    buffer = BytesIO()
    buffer.write(header)
    schemaless_writer(buffer, current.parsed, record)
    return buffer.getvalue()


def decode(framed: bytes, encryptor: Encryptor | None = None) -> Message:
    """Read a message of any version into today's class; narrow it with isinstance or match.

    What is erased reads as nothing was said. The keys are those of this process, unless an
    ``encryptor`` with others is given. Raises UnknownSchema for an id that is not among ours,
    InvalidCiphertext for an encrypted field that was altered, and otherwise Undecodable: for
    another frame, a body cut short, bytes left over, or a body that does not fit its schema.
    Raises KeysLost.
    """
    if len(framed) < _HEADER_BYTES or not framed.startswith(_MAGIC):
        raise Undecodable(f"not framed as Avro: begins with {framed[:_HEADER_BYTES]!r}")
    written_as, encryption, message_from = _reader(int.from_bytes(framed[1:_HEADER_BYTES], "big"))
    body = BytesIO(framed)
    body.seek(_HEADER_BYTES)
    try:
        record = cast("dict[str, Any]", schemaless_reader(body, written_as, None))
        encryption.decrypt(record, encryptor)
        message = message_from(record)
    except (KeysLost, Undecodable):
        raise
    except Exception as error:  # what a broken body makes fastavro raise is not documented
        raise Undecodable(f"{type(error).__name__} while reading the body: {error}") from error
    if body.tell() != len(framed):
        raise Undecodable(f"{len(framed) - body.tell()} bytes are left over")
    return cast("Message", message)


@cache
def _writer(name: str) -> tuple[bytes, WrittenSchema, Convert]:
    current = newest(name)
    header = _MAGIC + current.schema_id.to_bytes(4, "big")
    return header, current, to_record(KINDS[name])


@cache
def _reader(schema_id: int) -> tuple[Schema, FieldEncryption, Convert]:
    written = schema(schema_id)
    return written.parsed, written.encryption, _from(written)


def _from(written: WrittenSchema) -> Convert:
    """Say how a decrypted record of this version becomes today's message."""
    known = versions(written.subject)
    last = max(known)
    found = first_upcast(written.name, written.version, last)
    if found is None:
        message_from = from_record(KINDS[written.name])
        if written is known[last]:
            return message_from  # nothing to resolve: faster
        return _after(_resolving(written, known[last]), message_from)
    number, upcast = found
    new = known[number + 1]
    as_new = _after(upcast, _resolving(new, new))  # as if it had been written so
    return _after(_after(_resolving(written, known[number]), as_new), _from(new))


def _after(first: Convert, second: Convert) -> Convert:
    return lambda value: second(first(value))


def _resolving(written: WrittenSchema, read: WrittenSchema) -> Convert:
    """Let Avro's rules turn decrypted records of one version into another's."""
    written_as, read_as = written.encryption.plain_schema, read.encryption.plain_schema

    def rewritten(record: Any) -> Any:  # noqa: ANN401 - a record
        body = BytesIO()
        schemaless_writer(body, written_as, record)
        body.seek(0)
        return schemaless_reader(body, written_as, read_as)

    return rewritten
