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

OnProgress = Callable[[int, int], None]  # pictures done, pictures in all


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobCopyResult:
    """What copying came to: how many there are, were copied now, and could not be."""

    blobs: int
    copied: int
    lost: Sequence[BlobKey]


class BlobExporter:
    """Adds to an archive the pictures of its events; ``run`` may be killed and repeated.

    What is there already is not read again. What a purge has given up since is removed, so that a
    purge reaches the archive too.
    """

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

    async def run(self) -> BlobCopyResult:
        """Copy what is missing, and tell what the store does not have, or not as it was.

        Raises NotAnArchive and ArchiveDamaged, StoreUnavailable, OSError for a full disk. What was
        copied until then stays.
        """
        with locked(self._directory / ".lock"):
            manifest = Manifest.load(self._directory, self._chain_key)
            before = read_blob_lists(manifest)
            keys = referenced_blobs(ArchivedLog(self._directory, self._chain_key))
            missing = [key for key in keys if not self._file(key).exists()]
            found = dict(
                zip(
                    missing,
                    await _map_concurrently(missing, self._copy, self._on_progress),
                    strict=True,
                )
            )
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

    def _file(self, key: BlobKey) -> Path:
        return self._directory / BLOBS / check_blob_key(key)


class BlobRestorer:
    """Puts the pictures of an archive into a store; ``run`` may be killed and repeated."""

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

    async def run(self) -> BlobCopyResult:
        """Put what the store does not have, and tell what the archive does not have as it was.

        One that is lost keeps nobody else's back. Raises NotAnArchive and ArchiveDamaged,
        StoreUnavailable.
        """
        held = read_blob_lists(ArchivedLog(self._directory, self._chain_key).manifest)
        present = [key for key, is_here in held.items() if is_here]
        put = dict(
            zip(
                present, await _map_concurrently(present, self._put, self._on_progress), strict=True
            )
        )
        lost = [key for key in held if put.get(key) is None]
        return BlobCopyResult(blobs=len(held), copied=sum(map(bool, put.values())), lost=lost)

    async def _put(self, key: BlobKey) -> bool | None:
        """Say whether it had to be put; None when the archive does not have it."""
        try:
            data = (self._directory / BLOBS / check_blob_key(key)).read_bytes()
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
    """List the pictures that lie in an archive, whether a list names them or not."""
    return sorted(file for file in (directory / BLOBS).rglob("*") if file.is_file())


def blob_key_of_file(file: Path, directory: Path) -> BlobKey:
    """Say which picture of an archive a file is."""
    return BlobKey(file.relative_to(directory / BLOBS).as_posix())


async def _map_concurrently(
    keys: Sequence[BlobKey],
    work: Callable[[BlobKey], Awaitable[_Done]],
    on_progress: OnProgress,
) -> list[_Done]:
    """Work on a few at a time, so that little is in memory at once; give the results in order."""
    done: list[_Done] = []
    for start in range(0, len(keys), _AT_ONCE):
        done += await asyncio.gather(*map(work, keys[start : start + _AT_ONCE]))
        on_progress(len(done), len(keys))
    return done
