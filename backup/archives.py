"""Workflows over a whole archive: export, verification, copy and restore."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from backup.blob_copy import BlobCopyResult, BlobExporter, BlobRestorer
from backup.blob_verification import verify_blobs
from backup.keyrings import archive_keyring, require_keys
from backup.log_export import ExportOptions, LogExporter, unchanged
from backup.log_restore import LogRestorer, RestoreResult
from backup.log_sources import COMPACTED_TOPICS, EVENT_TOPICS, ArchivedLog, KafkaLog
from backup.manifest import BlobList, Manifest, Origin
from backup.masking import EventMask, mask_key
from backup.progress import ProgressBar
from backup.referenced_blobs import referenced_blobs
from backup.restore_target import LiveInstallation
from backup.verification import ArchiveFinding, require_undamaged, verify_archive
from domain.values import BlobKey
from infra.blobs.store import open_blob_store
from infra.encryption import Keyring, installation_keyring
from infra.kafka.admin import check_topics
from infra.kafka.topics import ASSET_COMMANDS
from infra.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """An archive in a directory; each workflow may be killed at any point and repeated.

    ``chain_key`` made the chain of its manifest, if any did; ``bar`` draws the progress of a step.
    What a workflow raises beside what is named: see the class that it runs.
    """

    directory: Path
    chain_key: bytes | None
    bar: ProgressBar

    def manifest(self) -> Manifest:
        """Read the manifest; raises NotAnArchive, ChainKeyWrong."""
        return Manifest.load(self.directory, self.chain_key)

    def export_log(
        self, settings: Settings, *, until: datetime | None, with_tables: bool, chunk_bytes: int
    ) -> None:
        """Add the new records of an installation's log; see LogExporter.

        Raises TopicsWrong, KeysLost, BrokerUnavailable.
        """
        kafka = settings.kafka.connection()
        check_topics(kafka, (*EVENT_TOPICS, *COMPACTED_TOPICS))
        options = ExportOptions(
            keyring=installation_keyring(settings).ring().ring_id.hex(),
            until=until,
            with_tables=with_tables,
            chunk_bytes=chunk_bytes,
            chain_key=self.chain_key,
        )
        with self.bar("exported") as on_progress:
            exporter = LogExporter(KafkaLog(kafka), self.directory, options, datetime.now(UTC))
            exporter.run(on_progress)

    def export_blobs(self, settings: Settings) -> BlobCopyResult:
        """Add the pictures that the exported events refer to; see BlobExporter."""
        return self._copy_blobs("pictures exported", BlobExporter, settings)

    def find_faults(self) -> list[ArchiveFinding]:
        """Read every byte, and list the files and records that were altered."""
        with self.bar("files verified") as on_progress:
            findings = list(verify_archive(self.directory, on_progress, self.chain_key))
        with self.bar("pictures verified") as on_progress:
            findings += verify_blobs(self.directory, on_progress, self.chain_key)
        return findings

    def copy_to(
        self, directory: Path, data_dir: Path, *, until: datetime | None, mask: bool
    ) -> Manifest:
        """Copy the archive up to a moment; with ``mask`` without anything personal.

        A masked copy is chained without the key: it goes where the key does not. It brings along
        the keys that decrypt it, and so do copies of it.
        """
        require_undamaged(self.directory, self.chain_key)
        source = ArchivedLog(self.directory, self.chain_key)
        origin = source.manifest.origin
        change = unchanged
        ring = original = self._own_keys(origin)
        if mask:
            key = mask_key(data_dir)
            ring = Keyring.from_secret(key)
            change = EventMask(key, ring, original)
        if ring:
            archive_keyring(directory).make(ring)
        options = ExportOptions(
            keyring=ring.ring_id.hex() if ring else origin.keyring,
            until=until,
            with_tables=not mask,
            is_masked=mask or origin.is_masked,
            change=change,
            chain_key=None if mask else self.chain_key,
        )
        with self.bar("copied") as on_progress:
            return LogExporter(source, directory, options, datetime.now(UTC)).run(on_progress)

    def blob_keys(self) -> list[BlobKey]:
        """List the pictures that the events refer to."""
        log = ArchivedLog(self.directory, self.chain_key)
        return referenced_blobs(log, self._own_keys(log.manifest.origin))

    def restore_log(self, settings: Settings, *, trusts_keys: bool | None) -> RestoreResult:
        """Restore the log into an installation without events; see LogRestorer.

        Raises RestoreRefused when it has not the keyring of the archive, KeysLost, TopicsWrong.
        """
        kafka, key = settings.kafka.connection(), self.chain_key
        check_topics(kafka, (*EVENT_TOPICS, *COMPACTED_TOPICS, ASSET_COMMANDS))
        require_keys(self.directory, installation_keyring(settings), settings.keyring_path, key)
        with self.bar("restored and read back") as on_progress:
            target = LiveInstallation(kafka, settings.cassandra)
            return LogRestorer(
                self.directory, target, on_progress, chain_key=key, trusts_keys=trusts_keys
            ).run()

    def restore_blobs(self, settings: Settings) -> BlobCopyResult | None:
        """Restore the pictures; None when they were not exported. See BlobRestorer."""
        if not any(ArchivedLog(self.directory, self.chain_key).manifest.of(BlobList)):
            return None
        return self._copy_blobs("pictures restored", BlobRestorer, settings)

    def _copy_blobs(
        self, label: str, kind: type[BlobExporter | BlobRestorer], settings: Settings
    ) -> BlobCopyResult:
        store = open_blob_store(settings.blobs_url, settings.blobs)
        with self.bar(label) as on_progress:
            return asyncio.run(kind(self.directory, store, on_progress, self.chain_key).run())

    def _own_keys(self, origin: Origin) -> Keyring | None:
        """Read the keys that a masked archive brings along; any other has none."""
        return archive_keyring(self.directory).ring() if origin.is_masked else None
