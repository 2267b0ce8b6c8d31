"""The manifest of an archive: one line an entry, chained by SHA-256.

``chain`` of a line is the SHA-256 of the ``chain`` before it and of its own ``entry``, as they
stand there; with a key it is the HMAC-SHA-256 under that key. So an entry that was edited, swapped
or taken out is noticed. Without a key anybody may write another chain; with one nobody else. A
manifest that was cut short at its end is still a chain: whoever fears that keeps the head, its
last ``chain``, elsewhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hmac import compare_digest
from pathlib import Path
from typing import TypeVar

import msgspec

from backup.chain_key import chain_link, require_matching_key
from backup.errors import NotAnArchive
from infra.blobs.durable_files import write_durably

FORMAT = 1
NAME = "manifest.ndjson"

_Kind = TypeVar("_Kind", bound="ManifestEntry")


class ManifestEntry(
    msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True
):
    """One entry of a manifest."""


class Origin(ManifestEntry, frozen=True, kw_only=True):
    """What was exported: always the first entry. ``partitions`` counts those of each topic.

    ``keyring`` names the keys that decrypt it; ``is_keyed`` says whether its chain was made with a
    key.
    """

    format: int
    log_id: str
    keyring: str
    is_masked: bool
    partitions: Mapping[str, int]
    is_keyed: bool = False


class SchemaFile(ManifestEntry, frozen=True, kw_only=True):
    """A schema that payloads are written with."""

    schema_id: int
    file: str
    sha256: str


class Chunk(ManifestEntry, frozen=True, kw_only=True):
    """A range of one partition: all records from ``start_offset`` up to ``next_offset``."""

    topic: str
    partition: int
    file: str
    sha256: str
    record_count: int
    start_offset: int
    next_offset: int
    latest_ms: int


class TableFile(ManifestEntry, frozen=True, kw_only=True):
    """The newest record of each key of a compacted topic; the last such entry counts."""

    topic: str
    file: str
    sha256: str
    record_count: int


class BlobList(ManifestEntry, frozen=True, kw_only=True):
    """A list of the pictures that an export added, found lost, or removed."""

    file: str
    sha256: str


class Completed(ManifestEntry, frozen=True, kw_only=True):
    """An export came to its end: up to here the archive is of one moment, and can be restored."""

    at: datetime
    until: datetime | None
    record_count: int


AnyManifestEntry = Origin | SchemaFile | Chunk | TableFile | BlobList | Completed


class _ManifestLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    chain: str
    entry: msgspec.Raw


class Manifest:
    """The entries of an archive in a directory, in the order in which they were added."""

    def __init__(self, directory: Path, key: bytes | None = None) -> None:
        """Begin an empty one; nothing is written before the first ``add``."""
        self.directory = directory
        self._key = key
        self.entries: list[AnyManifestEntry] = []
        self.head = ""
        self._lines: list[tuple[bytes, AnyManifestEntry, str]] = []

    @classmethod
    def load(cls, directory: Path, key: bytes | None = None) -> "Manifest":
        """Read the one that is there.

        Raises ChainKeyWrong when it was not made with this key, NotAnArchive naming the line that
        breaks the chain. What comes back with a key was written by somebody who has it.
        """
        place = directory / NAME
        if not place.exists():
            raise NotAnArchive(f"{place} is not there: this is no archive")
        manifest = cls(directory, key)
        for number, text in enumerate(place.read_bytes().splitlines(), start=1):
            try:
                line = msgspec.json.decode(text, type=_ManifestLine)
                entry = msgspec.json.decode(line.entry, type=AnyManifestEntry)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise NotAnArchive(f"{place}, line {number}: {error}") from error
            if isinstance(entry, Origin):
                require_matching_key(key, is_keyed=entry.is_keyed, where=place)
            expected = chain_link(key, manifest.head, bytes(line.entry))
            if not compare_digest(line.chain, expected):
                raise NotAnArchive(
                    f"{place}, line {number}: it was changed, or a line before it was taken out"
                    f"{', or the key is another' if key else ''}"
                )
            if (number == 1) != isinstance(entry, Origin):
                raise NotAnArchive(f"{place}, line {number}: the origin must come first, once")
            manifest._take(text, entry, line.chain)
        if not manifest.entries:
            raise NotAnArchive(f"{place} is empty")
        if manifest.origin.format != FORMAT:
            raise NotAnArchive(
                f"{place} has format {manifest.origin.format}; this release knows {FORMAT}"
            )
        return manifest

    @property
    def origin(self) -> Origin:
        """What was exported."""
        (origin,) = self.of(Origin)
        return origin

    def of(self, kind: type[_Kind]) -> Iterator[_Kind]:
        """Give the entries of one kind in order."""
        return (entry for entry in self.entries if isinstance(entry, kind))

    def add(self, entries: Sequence[AnyManifestEntry]) -> None:
        """Keep more entries; when it returns the disk has them, when it raises it has none."""
        if not entries:
            return
        for entry in entries:
            written = msgspec.json.encode(entry)
            chain = chain_link(self._key, self.head, written)
            line = _ManifestLine(chain=chain, entry=msgspec.Raw(written))
            self._take(msgspec.json.encode(line), entry, chain)
        write_durably(self.directory / NAME, b"".join(line + b"\n" for line, _, _ in self._lines))

    def completed(self) -> "Manifest":
        """Give the part of it that ends with the last export that came to its end.

        Raises NotAnArchive when none did.
        """
        ends = [n for n, entry in enumerate(self.entries) if isinstance(entry, Completed)]
        if not ends:
            raise NotAnArchive(f"no export into {self.directory} came to its end; run it again")
        part = Manifest(self.directory, self._key)
        end = ends[-1] + 1
        while end < len(self.entries) and isinstance(self.entries[end], BlobList):
            end += 1
        for line, entry, chain in self._lines[:end]:
            part._take(line, entry, chain)
        return part

    @property
    def is_completed(self) -> bool:
        """Whether the last export came to its end; pictures are added after that."""
        events = [entry for entry in self.entries if not isinstance(entry, BlobList)]
        return isinstance(events[-1], Completed)

    def _take(self, line: bytes, entry: AnyManifestEntry, chain: str) -> None:
        self.entries.append(entry)
        self._lines.append((line, entry, chain))
        self.head = chain
