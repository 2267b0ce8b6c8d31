"""The blobs that the events of an archive refer to: they belong in a backup, too."""

from collections import defaultdict
from collections.abc import Iterator

from avro_schemas.codec import decode
from avro_schemas.encryption import Encryptor
from avro_schemas.errors import Undecodable
from backup.log_sources import ArchivedLog
from domain.asset.blob_keys import asset_folder, blob_keys_of
from domain.asset.events import AssetPurged
from domain.events import Event
from domain.values import BlobKey
from infra.kafka.topics import ASSET_EVENTS


def referenced_blobs(log: ArchivedLog, keys: Encryptor | None = None) -> list[BlobKey]:
    """Give the key of every original, rendition and upload that no purge has given up, sorted.

    A masked archive is decrypted with ``keys``, any other with those of this process.
    Raises ArchiveDamaged.
    """
    named: dict[BlobKey, set[BlobKey]] = defaultdict(set)  # of each asset, by its folder
    for event in _events(log, keys):
        folder = asset_folder(event.metadata.tenant_id, event.asset_id)
        if isinstance(event, AssetPurged):
            named.pop(folder, None)
        else:
            named[folder].update(blob_keys_of(event))
    return sorted({key for keys in named.values() for key in keys})


def _events(log: ArchivedLog, keys: Encryptor | None) -> Iterator[Event]:
    for number in range(ASSET_EVENTS.partitions):
        for record in log.all_records(ASSET_EVENTS, number):
            try:
                event = decode(record.value, keys)
            except Undecodable:
                continue  # it refers to nothing that anybody could find
            if isinstance(event, Event):
                yield event
