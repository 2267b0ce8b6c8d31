"""Verifies an archive: every byte is read, and what was altered is named."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from avro_schemas.codec import decode
from avro_schemas.containers import ContainerBroken, LoggedRecord, read_container, schema_id_of
from avro_schemas.encryption import KeylessEncryptor
from avro_schemas.errors import Undecodable
from backup.blob_lists import LISTS
from backup.errors import ArchiveDamaged, NotAnArchive
from backup.manifest import NAME, BlobList, Chunk, Manifest, SchemaFile, TableFile
from backup.progress import OnProgress, ignore_progress
from domain.events import Event

_FOLDERS = ("schemas", "tables", LISTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFinding:
    """One thing that is not right, and where: a file, and a record where one can be named.

    What is no damage is as it was exported: a log with a hole, or an export that was interrupted.
    """

    file: str
    record: str = ""
    what: str
    is_damage: bool = True

    @property
    def place(self) -> str:
        """Return the file, and the record if one is named."""
        return f"{self.file}, record {self.record}" if self.record else self.file


def verify_archive(
    directory: Path,
    on_progress: OnProgress = ignore_progress,
    chain_key: bytes | None = None,
) -> Iterator[ArchiveFinding]:
    """Yield what is wrong with an archive; nothing when it is as it was written.

    Checked are the chain of the manifest, the SHA-256 and count of every file, that the files of a
    partition leave no offset out, that offsets grow, that the versions of each aggregate have no
    hole, that every schema is there, and that no file lies beside those that are named. Pictures
    are verified by ``verify_blobs``. Raises ChainKeyWrong when the archive was not made with
    this key.
    """
    try:
        manifest = Manifest.load(directory, chain_key)
    except NotAnArchive as error:
        yield ArchiveFinding(file=NAME, what=str(error))
        return
    known = {entry.schema_id for entry in manifest.of(SchemaFile)}
    chunks = sorted(manifest.of(Chunk), key=lambda c: (c.topic, c.partition, c.start_offset))
    files: list[SchemaFile | TableFile | Chunk] = [
        *manifest.of(SchemaFile),
        *manifest.of(TableFile),
        *chunks,
    ]
    verifier = _PartitionVerifier(known)
    for number, entry in enumerate(files):
        on_progress(number, len(files))
        try:
            content = (directory / entry.file).read_bytes()
        except FileNotFoundError:
            yield ArchiveFinding(file=entry.file, what="is missing")
            if not isinstance(entry, SchemaFile):
                verifier.skip(entry)
            continue
        is_whole = sha256(content).hexdigest() == entry.sha256
        if isinstance(entry, SchemaFile):
            if not is_whole:
                yield _changed(entry.file)
            continue
        found = list(verifier.verify(entry, content))
        yield from found
        if not is_whole and not found:
            yield _changed(entry.file)
    on_progress(len(files), len(files))
    named = {entry.file for entry in (*files, *manifest.of(BlobList))}
    yield from _beside(directory, manifest.origin.partitions, named)
    if not manifest.is_completed:
        yield ArchiveFinding(
            file=NAME,
            what="the last export did not come to its end; run it again, it goes on from there",
            is_damage=False,
        )


def require_undamaged(directory: Path, chain_key: bytes | None = None) -> None:
    """Raise ArchiveDamaged naming the first thing that is not as it was written.

    Raises ChainKeyWrong when the archive was not made with this key.
    """
    for finding in verify_archive(directory, chain_key=chain_key):
        if finding.is_damage:
            raise ArchiveDamaged(
                f"{finding.place} {finding.what}; 'scalehoster events verify' names all that is"
                " wrong"
            )


def _changed(file: str) -> ArchiveFinding:
    return ArchiveFinding(file=file, what="was changed: its SHA-256 is another")


def _beside(directory: Path, topics: Iterable[str], named: set[str]) -> Iterator[ArchiveFinding]:
    for folder in sorted({*topics, *_FOLDERS}):
        for file in sorted((directory / folder).rglob("*")):
            name = str(file.relative_to(directory))
            if file.is_file() and name not in named and not file.name.endswith(".part"):
                yield ArchiveFinding(
                    file=name,
                    what="is not in the manifest: an export was interrupted here, or the end of the"
                    " manifest was cut off; export again",
                    is_damage=False,
                )


class _PartitionVerifier:
    """Follows offsets and versions through the files of one partition after the other."""

    def __init__(self, schema_ids: set[int]) -> None:
        self._schema_ids = schema_ids
        self._place = ("", 0)
        self._next_offset = 0
        self._versions: dict[tuple[str, str], int] | None = {}

    def skip(self, entry: Chunk | TableFile) -> None:
        """Go on after a file that is missing, or was not read to its end."""
        if isinstance(entry, Chunk):
            self._place, self._next_offset = (entry.topic, entry.partition), entry.next_offset
            self._versions = None  # they cannot be followed over a hole

    def verify(self, entry: Chunk | TableFile, content: bytes) -> Iterator[ArchiveFinding]:
        """Verify the records of the next file."""
        if isinstance(entry, Chunk):
            yield from self._follow(entry)
        count, last_offset = 0, -1
        try:
            for record in read_container(content):
                count += 1
                at = f"{count}, offset {record.offset}"
                if what := self._misplaced(entry, record, last_offset):
                    yield ArchiveFinding(file=entry.file, record=at, what=what)
                if what := self._wrong_version(record):
                    yield ArchiveFinding(file=entry.file, record=at, what=what, is_damage=False)
                last_offset = record.offset
        except ContainerBroken as error:
            at = f"{count + 1} of {entry.record_count}, after offset {last_offset}"
            yield ArchiveFinding(file=entry.file, record=at, what=f"was changed: {error.__cause__}")
            self.skip(entry)
        else:
            if count != entry.record_count:
                what = f"has {count} records instead of {entry.record_count}"
                yield ArchiveFinding(file=entry.file, what=what)

    def _follow(self, chunk: Chunk) -> Iterator[ArchiveFinding]:
        place = (chunk.topic, chunk.partition)
        if place != self._place:
            self._place, self._next_offset, self._versions = place, 0, {}
        if chunk.start_offset != self._next_offset:
            yield ArchiveFinding(
                file=chunk.file,
                what=f"begins at offset {chunk.start_offset} instead of {self._next_offset}, where"
                " the file before it ends: files are missing or doubled",
            )
        self._next_offset = chunk.next_offset

    def _misplaced(self, entry: Chunk | TableFile, record: LoggedRecord, last_offset: int) -> str:
        if isinstance(entry, TableFile):
            return ""
        if not max(entry.start_offset, last_offset + 1) <= record.offset < entry.next_offset:
            return "is out of order"
        schema_id = schema_id_of(record.value)
        if schema_id is not None and schema_id not in self._schema_ids:
            return f"its schema {schema_id} is not in the archive"
        return ""

    def _wrong_version(self, record: LoggedRecord) -> str:
        try:
            event = decode(record.value, KeylessEncryptor())
        except Undecodable:
            return ""  # a newer release may have written it
        if self._versions is None or not isinstance(event, Event):
            return ""
        metadata = event.metadata
        aggregate = (metadata.tenant_id, metadata.entity_id)
        before = self._versions.get(aggregate, 0)
        self._versions[aggregate] = metadata.entity_version
        if metadata.entity_version == before + 1:
            return ""
        return (
            f"is version {metadata.entity_version} of {metadata.entity_id} after {before}: events"
            " are missing or doubled"
        )
