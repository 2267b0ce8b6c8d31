"""Exports a log into files: resumable, and only what is new at the next run."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from avro_schemas.containers import LoggedRecord, write_container
from avro_schemas.registry import schemas
from backup.errors import ExportRefused
from backup.log_sources import COMPACTED_TOPICS, EVENT_TOPICS, LogSource
from backup.manifest import (
    FORMAT,
    NAME,
    AnyManifestEntry,
    Chunk,
    Completed,
    Manifest,
    Origin,
    SchemaFile,
    TableFile,
)
from backup.progress import OnProgress
from infra.blobs.durable_files import write_durably
from infra.failpoints import pass_by
from infra.file_lock import locked
from infra.kafka.topics import Topic

CHUNK_BYTES = 16_000_000

RecordChange = Callable[[LoggedRecord], LoggedRecord]


def unchanged(record: LoggedRecord) -> LoggedRecord:
    """Change nothing."""
    return record


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """How to export, and until when (by the time a record was appended).

    ``keyring`` names the keys that decrypt the archive; ``chain_key`` makes its chain.
    """

    keyring: str
    until: datetime | None = None
    with_tables: bool = False
    is_masked: bool = False
    change: RecordChange = unchanged
    chunk_bytes: int = CHUNK_BYTES
    chain_key: bytes | None = field(default=None, repr=False)


class LogExporter:
    """Copies a log into a directory; ``run`` may be killed at any point and repeated.

    A file counts from when the manifest names it, and both are written whole or not at all: what a
    crash leaves beside it is written over by the next run. Offsets are read before anything else,
    the assets' before the categories', so that every category an asset is in is there too.
    """

    def __init__(
        self, log: LogSource, directory: Path, options: ExportOptions, now: datetime
    ) -> None:
        self._log = log
        self._directory = directory
        self._options = options
        self._now = now
        self._until_ms = options.until.timestamp() * 1_000 if options.until else float("inf")

    def run(self, on_progress: OnProgress) -> Manifest:
        """Add the new records, and return the manifest.

        Raises ExportRefused when the directory holds another log or later records than wanted,
        ChainKeyWrong when what it holds was not made with this key, NotAnArchive when its manifest
        is damaged, OSError for a full disk, and what reading the log raises. What was added until
        then stays, and the next run goes on from there.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        with locked(self._directory / ".lock"):
            ends = {topic: self._log.ends(topic) for topic in EVENT_TOPICS}
            manifest = self._opened()
            reached = {
                (chunk.topic, chunk.partition): chunk.next_offset for chunk in manifest.of(Chunk)
            }
            work = [
                (topic, number, reached.get((topic.name, number), 0), end)
                for topic, found in ends.items()
                for number, end in sorted(found.items())
            ]
            self._refuse_less(work)
            manifest.add(self._schemas(manifest))
            total, done = sum(end - start for _, _, start, end in work), 0
            for topic, number, start, end in work:
                for chunk in self._chunks(topic, number, start, end):
                    pass_by("export.after_file_before_manifest")
                    manifest.add([chunk])
                    pass_by("export.after_manifest")
                    done += chunk.next_offset - chunk.start_offset
                    on_progress(done, total)
            on_progress(total, total)
            if self._options.with_tables:
                manifest.add(self._tables(manifest))
            if not manifest.is_completed:
                manifest.add([self._completed(manifest)])
            return manifest

    def _opened(self) -> Manifest:
        origin = Origin(
            format=FORMAT,
            log_id=self._log.log_id,
            keyring=self._options.keyring,
            is_masked=self._options.is_masked,
            partitions={topic.name: topic.partitions for topic in EVENT_TOPICS},
            is_keyed=self._options.chain_key is not None,
        )
        for left_over in self._directory.rglob(".*.part"):
            left_over.unlink()
        if not (self._directory / NAME).exists():
            manifest = Manifest(self._directory, self._options.chain_key)
            manifest.add([origin])
            return manifest
        manifest = Manifest.load(self._directory, self._options.chain_key)
        held = manifest.origin
        same = ("log_id", "keyring", "is_masked")
        if any(getattr(held, name) != getattr(origin, name) for name in same):
            raise ExportRefused(
                f"{self._directory} holds {_described(held)}, this is "
                f"{_described(origin)}; name another directory"
            )
        latest_ms = max((chunk.latest_ms for chunk in manifest.of(Chunk)), default=0)
        if latest_ms > self._until_ms:
            raise ExportRefused(
                f"{self._directory} holds later records than that already; name another directory"
            )
        return manifest

    def _refuse_less(self, work: Iterable[tuple[Topic, int, int, int]]) -> None:
        for topic, number, start, end in work:
            if start > end:
                raise ExportRefused(
                    f"{topic.name} {number} ends at {end}, but was exported up to {start}: the log"
                    " lost records; keep this archive, and restore it"
                )

    def _chunks(self, topic: Topic, number: int, start: int, end: int) -> Iterator[Chunk]:
        """Write the files of one partition; the range of each ends where the next begins."""
        if start == end:
            return
        held: list[LoggedRecord] = []
        size = 0
        for record in self._log.records(topic, number, start, end):
            if record.timestamp_ms > self._until_ms:
                end = record.offset
                break
            if size >= self._options.chunk_bytes:
                yield self._write(topic, number, held, start, record.offset)
                held, size, start = [], 0, record.offset
            held.append(self._options.change(record))
            size += len(held[-1].key) + len(held[-1].value)
        if held:
            yield self._write(topic, number, held, start, end)

    def _write(
        self, topic: Topic, number: int, records: list[LoggedRecord], start: int, next_offset: int
    ) -> Chunk:
        file = f"{topic.name}/{number:02}/{start:020}.avro"
        content = write_container(records, {"topic": topic.name, "partition": str(number)})
        write_durably(self._directory / file, content)
        return Chunk(
            topic=topic.name,
            partition=number,
            file=file,
            sha256=sha256(content).hexdigest(),
            record_count=len(records),
            start_offset=start,
            next_offset=next_offset,
            latest_ms=max(record.timestamp_ms for record in records),
        )

    def _schemas(self, manifest: Manifest) -> list[AnyManifestEntry]:
        known = {entry.schema_id for entry in manifest.of(SchemaFile)}
        added: list[AnyManifestEntry] = []
        for schema_id, schema in schemas().items():
            if schema_id not in known:
                file, text = f"schemas/{schema_id}.avsc", schema.text.encode()
                write_durably(self._directory / file, text)
                digest = sha256(text).hexdigest()
                added.append(SchemaFile(schema_id=schema_id, file=file, sha256=digest))
        return added

    def _tables(self, manifest: Manifest) -> list[AnyManifestEntry]:
        known = {entry.topic: entry.sha256 for entry in manifest.of(TableFile)}
        added: list[AnyManifestEntry] = []
        for topic in COMPACTED_TOPICS:
            records = self._log.table(topic)
            content = write_container(records, {"topic": topic.name})
            digest = sha256(content).hexdigest()
            if records and known.get(topic.name) != digest:
                file = f"tables/{topic.name}-{len(manifest.entries):06}.avro"
                write_durably(self._directory / file, content)
                count = len(records)
                added.append(
                    TableFile(topic=topic.name, file=file, sha256=digest, record_count=count)
                )
        return added

    def _completed(self, manifest: Manifest) -> Completed:
        count = sum(chunk.record_count for chunk in manifest.of(Chunk))
        return Completed(at=self._now, until=self._options.until, record_count=count)


def _described(origin: Origin) -> str:
    return f"{'a masked copy' if origin.is_masked else 'an export'} of the log {origin.log_id}"
