"""The blob store in a folder: durable once put, readable by its owner alone."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

from obstore.store import LocalStore

from domain.values import BlobKey
from infra.blobs.bucket_store import BucketBlobStore
from infra.blobs.durable_files import write_durably
from infra.blobs.entries import BlobEntry, check_blob_key
from infra.errors import BlobNotFound, StoreUnavailable

_Result = TypeVar("_Result")


class FileBlobStore(BucketBlobStore):
    """A BlobStore in a folder.

    Reads like any other, but writes by itself: obstore renames a finished file into place
    without asking the disk to keep it. A folder in it goes with the last blob that it holds.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(LocalStore(folder, mkdir=True, automatic_cleanup=True))
        self._folder = folder

    async def put(self, key: BlobKey, data: bytes, media_type: str) -> None:
        """Keep these bytes under the key; a folder has no place for the media type."""
        del media_type
        await self._run(key, lambda: self._write(key, data))

    async def put_file(self, key: BlobKey, path: Path, media_type: str) -> None:
        """Keep a file's content under the key; a folder has no place for the media type."""
        del media_type
        await self._run(key, lambda: self._write(key, path))

    async def copy(self, key: BlobKey, to: BlobKey) -> None:
        """Keep the same bytes under another key too."""
        check_blob_key(key)
        if not (self._folder / key).exists():
            self._check_folder()
            raise BlobNotFound(f"no blob {key}")
        await self._run(to, lambda: self._write(to, self._folder / key))

    async def keys(self, folder: BlobKey) -> set[BlobKey]:
        """Name all blobs below a folder."""
        self._check_folder()
        return await super().keys(folder)

    def _clear(self, folder: BlobKey, spare: BlobKey | None) -> int:
        self._check_folder()  # or else a purge would end, and the bytes come back with the volume
        return super()._clear(folder, spare)

    async def pages(self, folder: BlobKey) -> AsyncIterator[list[BlobEntry]]:
        """Go through all that lies below a folder, a page at a time, in no order."""
        self._check_folder()
        async for page in super().pages(folder):
            yield page

    def _write(self, key: BlobKey, content: bytes | Path) -> None:
        self._check_folder()  # or else bytes would go to the disk below a volume that is not there
        try:
            write_durably(self._folder / key, content)
        except FileNotFoundError as error:  # its folder is removed as fast as it is made
            raise StoreUnavailable(f"blob {key}: {error}") from error

    async def _run(self, key: BlobKey, work: Callable[[], _Result]) -> _Result:
        try:
            return await super()._run(key, work)
        except BlobNotFound:
            self._check_folder()
            raise

    def _check_folder(self) -> None:
        if not self._folder.is_dir():
            raise StoreUnavailable(f"blobs: the folder {self._folder} is not there")
