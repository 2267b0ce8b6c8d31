"""Between a message and its framed Avro bytes.

The frame is Confluent's, so every Kafka tool can read it: a zero byte, the schema's id as four
big-endian bytes, the Avro body.
"""

from functools import cache
from io import BytesIO
from typing import Any, cast, get_args

from fastavro import schemaless_reader, schemaless_writer
from fastavro.types import Schema

from avro_schemas.errors import Undecodable
from avro_schemas.records import Convert, from_record, to_record
from avro_schemas.registry import WrittenSchema, newest, schema, versions
from avro_schemas.upcasting import Upcast, first_upcast
from domain.bulk_commands import OperationCommand
from domain.bulk_events import OperationEvent
from domain.commands import AssetCommand, CatalogueCommand
from domain.events import AssetEvent, CatalogueEvent
from domain.hooks import WebhookAttempt, WebhookDelivery, WebhookRedelivery
from domain.jobs import DeadLetter, ImageJob
from domain.outcomes import Outcome

Message = (
    AssetCommand
    | CatalogueCommand
    | OperationCommand
    | AssetEvent
    | CatalogueEvent
    | OperationEvent
    | Outcome
    | ImageJob
    | DeadLetter
    | WebhookDelivery
    | WebhookAttempt
    | WebhookRedelivery
)
KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in get_args(Message)}

_MAGIC = b"\0"
_HEADER_BYTES = 5


def encode(message: Message) -> bytes:
    """Write a message with the newest version of its schema, framed.

    Raises ValueError for a datetime without a time zone or for text that is not UTF-8 (half a
    surrogate pair), OverflowError for an integer beyond 64 bits.
    """
    header, written_as, record = _writer(type(message).__name__)
    buffer = BytesIO()
    buffer.write(header)
    schemaless_writer(buffer, written_as, record(message))
    return buffer.getvalue()


def decode(framed: bytes) -> Message:
    """Read a message of any version into today's class; narrow it with isinstance or match.

    Raises UnknownSchema for an id that is not among ours, and otherwise Undecodable: for another
    frame, a body cut short, bytes left over, or a body that does not fit its schema.
    """
    if len(framed) < _HEADER_BYTES or not framed.startswith(_MAGIC):
        raise Undecodable(f"not framed as Avro: begins with {framed[:_HEADER_BYTES]!r}")
    written_as, read_as, message_from = _reader(int.from_bytes(framed[1:_HEADER_BYTES], "big"))
    body = BytesIO(framed)
    body.seek(_HEADER_BYTES)
    try:
        message = message_from(schemaless_reader(body, written_as, read_as))
    except Exception as error:  # what a broken body makes fastavro raise is not documented
        raise Undecodable(f"{type(error).__name__} while reading the body: {error}") from error
    if body.tell() != len(framed):
        raise Undecodable(f"{len(framed) - body.tell()} bytes are left over")
    return cast("Message", message)


@cache
def _writer(name: str) -> tuple[bytes, Schema, Convert]:
    current = newest(name)
    header = _MAGIC + current.schema_id.to_bytes(4, "big")
    return header, current.parsed, to_record(KINDS[name])


@cache
def _reader(schema_id: int) -> tuple[Schema, Schema | None, Convert]:
    written = schema(schema_id)
    known = versions(written.subject)
    last = max(known)
    found = first_upcast(written.name, written.version, last)
    read = known[last if found is None else found[0]]
    read_as = None if written is read else read.parsed  # nothing to resolve: faster
    if found is None:
        return written.parsed, read_as, from_record(KINDS[written.name])
    return written.parsed, read_as, _onward(found[1], known[found[0] + 1])


def _onward(upcast: Upcast, version: WrittenSchema) -> Convert:
    """Go on from the next version as if the record had been written with that."""

    def message_from(record: dict[str, Any]) -> object:
        body = BytesIO()
        schemaless_writer(body, version.parsed, upcast(record))
        body.seek(0)
        written_as, read_as, onward = _reader(version.schema_id)
        return onward(schemaless_reader(body, written_as, read_as))

    return message_from
