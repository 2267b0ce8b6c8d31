"""Copies the pictures that events refer to: from a store into an archive, and back."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from backup.blob_lists import (
    BLOBS,
    BlobPresence,
    append_blob_list,
    key_matches_digest,
    read_blob_lists,
)
from backup.log_sources import ArchivedLog
from backup.manifest import Manifest
from backup.progress import OnProgress
from backup.referenced_blobs import referenced_blobs
from domain.values import BlobKey
from infra.blobs.durable_files import write_durably
from infra.blobs.store import BlobStore, check_blob_key
from infra.errors import BlobNotFound
from infra.failpoints import pass_by
from infra.file_lock import locked

_AT_ONCE = 8
_MEDIA_TYPE = "application/octet-stream"  # the views know what each one is

_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobCopyResult:
    """The number of pictures there are and that were copied now, and those that could not be."""

    blobs: int
    copied: int
    lost: Sequence[BlobKey]


class _BlobCopier:
    """Copies pictures between an archive and a store, a few at a time: little is in memory."""

    def __init__(
        self,
        directory: Path,
        store: BlobStore,
        on_progress: OnProgress,
        chain_key: bytes | None = None,
    ) -> None:
        self._chain_key = chain_key
        self._directory = directory
        self._store = store
        self._on_progress = on_progress

    async def _for_each(
        self, keys: Sequence[BlobKey], copy: Callable[[BlobKey], Awaitable[_Done]]
    ) -> dict[BlobKey, _Done]:
        done: dict[BlobKey, _Done] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            done.update(zip(some, await asyncio.gather(*map(copy, some)), strict=True))
            self._on_progress(len(done), len(keys))
        return done

    def _file(self, key: BlobKey) -> Path:
        return self._directory / BLOBS / check_blob_key(key)


class BlobExporter(_BlobCopier):
    """Adds the pictures of its events to an archive; ``run`` may be killed and repeated.

    Pictures that the archive has are not read again. Those of assets purged since are removed, so
    that a purge reaches the archive too.
    """

    async def run(self) -> BlobCopyResult:
        """Copy what the archive lacks, and name what the store lacks, or has with other bytes.

        Raises NotAnArchive and ArchiveDamaged, StoreUnavailable, OSError for a full disk. What was
        copied until then stays.
        """
        with locked(self._directory / ".lock"):
            manifest = Manifest.load(self._directory, self._chain_key)
            before = read_blob_lists(manifest)
            keys = referenced_blobs(ArchivedLog(self._directory, self._chain_key))
            missing = [key for key in keys if not self._file(key).exists()]
            found = await self._for_each(missing, self._copy)
            now: BlobPresence = {key: found.get(key, True) for key in keys}
            append_blob_list(manifest, before, now)
            pass_by("export.after_blob_list")
            for file in blob_files_in(self._directory):
                if blob_key_of_file(file, self._directory) not in now:
                    file.unlink()
        lost = [key for key, is_here in now.items() if not is_here]
        return BlobCopyResult(blobs=len(now), copied=sum(found.values()), lost=lost)

    async def _copy(self, key: BlobKey) -> bool:
        try:
            data = await self._store.get(key)
        except BlobNotFound:
            return False
        if not key_matches_digest(key, sha256(data).hexdigest()):
            return False
        await asyncio.to_thread(write_durably, self._file(key), data)
        pass_by("export.after_blob")
        return True


class BlobRestorer(_BlobCopier):
    """Puts the pictures of an archive into a store; ``run`` may be killed and repeated."""

    async def run(self) -> BlobCopyResult:
        """Store what the store lacks, and name what the archive lacks, or has with other bytes.

        One that is lost does not stop the others. Raises NotAnArchive and ArchiveDamaged,
        StoreUnavailable.
        """
        held = read_blob_lists(ArchivedLog(self._directory, self._chain_key).manifest)
        present = [key for key, is_here in held.items() if is_here]
        put = await self._for_each(present, self._put)
        lost = [key for key in held if put.get(key) is None]
        return BlobCopyResult(blobs=len(held), copied=sum(map(bool, put.values())), lost=lost)

    async def _put(self, key: BlobKey) -> bool | None:
        """Return True if the store lacked the picture, None if the archive lacks it."""
        try:
            data = self._file(key).read_bytes()
        except FileNotFoundError:
            return None
        if not key_matches_digest(key, sha256(data).hexdigest()):
            return None
        try:
            info = await self._store.head(key)
        except BlobNotFound:
            info = None
        if info and info.size_bytes == len(data):
            return False
        await self._store.put(key, data, _MEDIA_TYPE)
        return True


def blob_files_in(directory: Path) -> list[Path]:
    """List the files of pictures in an archive, whether a blob list names them or not."""
    return sorted(file for file in (directory / BLOBS).rglob("*") if file.is_file())


def blob_key_of_file(file: Path, directory: Path) -> BlobKey:
    """Return the key of the picture that a file of an archive holds."""
    return BlobKey(file.relative_to(directory / BLOBS).as_posix())
