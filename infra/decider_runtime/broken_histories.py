"""Histories with a gap: nothing is decided about their entity, and all others go on."""

from typing import Protocol

from infra.kafka.partition_reader import Record


class VersionedEvent(Protocol):
    """What the history of an entity is checked by."""

    @property
    def entity_id(self) -> str:
        """Whose history the event is part of."""

    @property
    def entity_version(self) -> int:
        """Which event of that history it is, counted from 1."""


def history_gap(version: int, event: VersionedEvent, place: str) -> str | None:
    """Say what is wrong with the next event of a history that was folded up to a version.

    The first version is 1. ``place`` is where the event lies.
    """
    if event.entity_version == version + 1:
        return None
    return (
        f"version {event.entity_version} follows version {version} of {event.entity_id} at {place}"
    )


def record_location(record: Record) -> str:
    """Name the place of a record."""
    return f"{record.topic}:{record.partition}:{record.offset}"
