"""Names the blobs that the events of an archive refer to: what else a backup needs."""

from collections.abc import Iterator

from avro_schemas.codec import decode
from avro_schemas.errors import Undecodable
from cli.archive.logs import ArchivedLog
from domain.events import Event
from domain.values import BlobKey
from infra.topics import ASSET_EVENTS
from streams.purging import referenced, unreferenced


def blobs_of(log: ArchivedLog) -> list[BlobKey]:
    """Give the key of every original, rendition and upload that no purge has given up, sorted.

    Reads the archive twice; raises ArchiveDamaged.
    """
    named = {key for event in _events(log) for key in referenced(event)}
    return sorted(named - unreferenced(named, _events(log)))


def _events(log: ArchivedLog) -> Iterator[Event]:
    for number in range(ASSET_EVENTS.partitions):
        for record in log.all_records(ASSET_EVENTS, number):
            try:
                event = decode(record.value)
            except Undecodable:
                continue  # it refers to nothing that anybody could find
            if isinstance(event, Event):
                yield event
