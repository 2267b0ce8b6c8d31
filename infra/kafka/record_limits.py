"""Limits of records: their size, and which errors of the broker are about the record."""

from collections.abc import Sequence

from confluent_kafka import KafkaError

from infra.errors import RecordRefused
from infra.kafka.topics import LARGEST_RECORD_BYTES, Topic

_ABOUT_THE_RECORD = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT,
    }
)


def require_writable(
    topic: Topic, key: str | bytes, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()
) -> None:
    """Raise RecordRefused for a record that is larger than any topic of ours takes.

    It is asked before a record goes to the client library: a batch that the broker finds too large
    takes the records beside it along.
    """
    size = len(key.encode() if isinstance(key, str) else key) + len(value or b"")
    size += sum(len(name) + len(content) for name, content in headers)
    if size > LARGEST_RECORD_BYTES:
        raise RecordRefused(
            f"a record of {size} bytes is larger than {topic.name} takes, which is"
            f" {LARGEST_RECORD_BYTES}"
        )


def is_about_the_record(error: KafkaError) -> bool:
    """Tell a record that can never be written from a broker that is away for now."""
    return error.code() in _ABOUT_THE_RECORD
