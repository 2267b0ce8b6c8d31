"""Histories with a hole: of what they are about nothing is decided, and all else goes on."""

from dataclasses import dataclass

from domain.category import Catalogue
from domain.category.state import Category
from domain.events import EventMetadata
from domain.values import CategoryRef
from infra.errors import HistoryBroken
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


def record_location(record: Record) -> str:
    """Name the place of a record."""
    return f"{record.topic}:{record.partition}:{record.offset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenCatalogue(Catalogue):
    """A category tree that is known to be wrong: looking something up in it raises HistoryBroken.

    So whatever needs no category of the tenant is decided as ever.
    """

    reason: str

    def find(self, ref: CategoryRef) -> Category | None:
        """Raise HistoryBroken."""
        raise HistoryBroken(f"category {ref} is not known: {self.reason}")
