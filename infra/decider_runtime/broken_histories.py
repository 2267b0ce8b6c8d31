"""Histories with a gap: nothing is decided about their entity, and all others go on."""

from collections.abc import Callable

from avro_schemas.codec import Message, decode
from avro_schemas.errors import Undecodable
from domain.events import EventMetadata
from infra.kafka.partition_reader import Record


def history_gap(version: int, event: EventMetadata, place: str) -> str | None:
    """Say what is wrong with the next event of a history that was folded up to a version.

    The first version is 1. ``place`` is where the event lies.
    """
    if event.entity_version == version + 1:
        return None
    return (
        f"version {event.entity_version} follows version {version} of {event.entity_id} at {place}"
    )


def event_in(record: Record, note_broken: Callable[[str, str], None]) -> Message | None:
    """Decode an event; one that cannot be read breaks the history of whom its key names."""
    try:
        return decode(record.value)
    except Undecodable as error:
        entity_id = record.key.decode(errors="replace")
        note_broken(entity_id, f"{record_location(record)} cannot be read: {error}")
        return None


def record_location(record: Record) -> str:
    """Name the place of a record."""
    return f"{record.topic}:{record.partition}:{record.offset}"
