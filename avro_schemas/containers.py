"""Avro object container files of log records: each kept byte for byte, with its own checksum.

Any Avro library reads such a file; ``schema_id`` and ``payload`` of a record are a message as
``schemaless_reader`` takes it, with the schema of that id. ``crc32`` is over ``offset`` and
``timestamp_ms`` as eight big-endian bytes each, key, names and values of the headers, the schema's
id as four big-endian bytes where there is one, and payload. Blocks are not compressed, so that one
wrong bit costs one record.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import md5
from io import BytesIO
from typing import Any
from zlib import crc32

from fastavro import parse_schema, reader, writer

from avro_schemas.errors import Undecodable

_MAGIC = b"\0"
_FRAME_BYTES = 5
_BLOCK_BYTES = 16_000
_HEADER = {
    "type": "record",
    "name": "Header",
    "fields": [{"name": "name", "type": "string"}, {"name": "value", "type": "bytes"}],
}
_SCHEMA = parse_schema(
    {
        "type": "record",
        "name": "LoggedRecord",
        "namespace": "scalehoster.archive",
        "doc": "One record of a topic; payload is Avro, written with the schema of schema_id.",
        "fields": [
            {"name": "offset", "type": "long"},
            {"name": "timestamp_ms", "type": "long"},
            {"name": "key", "type": "bytes"},
            {"name": "headers", "type": {"type": "array", "items": _HEADER}},
            {"name": "schema_id", "type": ["null", "long"]},
            {"name": "payload", "type": "bytes"},
            {"name": "crc32", "type": "long"},
        ],
    }
)


class ContainerBroken(Undecodable):
    """A container file cannot be read on; ``intact`` counts the records before the broken one."""

    def __init__(self, intact: int, why: str) -> None:
        super().__init__(f"record {intact + 1}: {why}")
        self.intact = intact


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRecord:
    """One record as it lay in a partition; ``value`` is the framed message."""

    offset: int
    timestamp_ms: int
    key: bytes
    headers: tuple[tuple[str, bytes], ...]
    value: bytes


def schema_id_of(value: bytes) -> int | None:
    """Tell which schema a framed message names; None for bytes that are not framed."""
    if len(value) < _FRAME_BYTES or not value.startswith(_MAGIC):
        return None
    return int.from_bytes(value[1:_FRAME_BYTES], "big")


def write_container(records: Iterable[LoggedRecord], about: Mapping[str, str]) -> bytes:
    """Give the file that holds these records; the same records give the same bytes.

    ``about`` is told in the file's metadata.
    """
    buffer = BytesIO()
    writer(
        buffer,
        _SCHEMA,
        map(_to_avro, records),
        codec="null",
        sync_interval=_BLOCK_BYTES,
        sync_marker=md5(repr(sorted(about.items())).encode(), usedforsecurity=False).digest(),
        metadata={f"scalehoster.{name}": value for name, value in about.items()},
    )
    return buffer.getvalue()


def read_container(content: bytes) -> Iterator[LoggedRecord]:
    """Yield the records of a file in order.

    Raises ContainerBroken at the first that is not as it was written.
    """
    count = 0
    try:
        for found in reader(BytesIO(content)):
            record = _from_avro(found)  # type: ignore[arg-type]  # of _SCHEMA, or it raises
            yield record
            count += 1
    except Exception as error:  # what a wrong bit makes fastavro raise is not documented
        raise ContainerBroken(count, f"{type(error).__name__}: {error}") from error


def _to_avro(record: LoggedRecord) -> dict[str, Any]:
    schema_id = schema_id_of(record.value)
    return {
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "key": record.key,
        "headers": [{"name": name, "value": value} for name, value in record.headers],
        "schema_id": schema_id,
        "payload": record.value if schema_id is None else record.value[_FRAME_BYTES:],
        "crc32": _checksum(record),
    }


def _from_avro(found: Mapping[str, Any]) -> LoggedRecord:
    schema_id = found["schema_id"]
    frame = b"" if schema_id is None else _MAGIC + schema_id.to_bytes(4, "big")
    record = LoggedRecord(
        offset=found["offset"],
        timestamp_ms=found["timestamp_ms"],
        key=found["key"],
        headers=tuple((header["name"], header["value"]) for header in found["headers"]),
        value=frame + found["payload"],
    )
    if _checksum(record) != found["crc32"]:
        raise ValueError("its checksum does not fit")
    return record


def _checksum(record: LoggedRecord) -> int:
    parts = [_eight(record.offset), _eight(record.timestamp_ms), record.key]
    parts += [part for name, value in record.headers for part in (name.encode(), value)]
    framed = schema_id_of(record.value) is not None
    parts.append(record.value[1:] if framed else record.value)
    return crc32(b"".join(parts))


def _eight(number: int) -> bytes:
    return number.to_bytes(8, "big", signed=True)
