"""The blob store in an S3 bucket, or in anything else that obstore speaks to."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from domain.asset.blob_keys import folder_of
from domain.values import BlobKey
from infra.blobs.entries import BlobEntry, BlobInfo, check_blob_key
from infra.errors import BlobNotFound, StoreUnavailable

_THREADS = 16
_PAGE = 1_000
_NO_BUCKET = "NoSuchBucket"  # in the body of an answer; one to HEAD has none

_Result = TypeVar("_Result")


class BucketBlobStore:
    """A BlobStore in anything that obstore speaks to.

    Works in threads of its own: obstore's asynchronous calls can abort the process when it ends.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="blobs")

    async def put(self, key: BlobKey, data: bytes, media_type: str) -> None:
        """Keep these bytes under the key."""
        attributes = {"Content-Type": media_type}
        await self._run(key, lambda: obstore.put(self._store, key, data, attributes=attributes))

    async def put_file(self, key: BlobKey, path: Path, media_type: str) -> None:
        """Keep a file's content under the key."""
        attributes = {"Content-Type": media_type}
        await self._run(key, lambda: obstore.put(self._store, key, path, attributes=attributes))

    async def get(self, key: BlobKey) -> bytes:
        """Give all bytes of a blob."""
        return await self._run(key, lambda: bytes(obstore.get(self._store, key).bytes()))

    async def get_range(self, key: BlobKey, start: int, end: int) -> bytes:
        """Give the bytes from ``start`` up to, not including, ``end``."""
        if not 0 <= start < end:
            raise ValueError(f"no range: {start} to {end}")
        size_bytes = (await self.head(key)).size_bytes
        if start >= size_bytes:
            return b""  # stores disagree on what to answer
        return await self._run(
            key, lambda: bytes(obstore.get_range(self._store, key, start=start, end=end))
        )

    async def head(self, key: BlobKey) -> BlobInfo:
        """Tell what is known of a blob."""
        return await self._run(
            key, lambda: BlobInfo(size_bytes=obstore.head(self._store, key)["size"])
        )

    async def copy(self, key: BlobKey, to: BlobKey) -> None:
        """Keep the same bytes under another key too."""
        check_blob_key(to)
        await self._run(key, lambda: obstore.copy(self._store, key, to))

    async def delete(self, key: BlobKey) -> None:
        """Remove a blob."""
        try:
            await self._run(key, lambda: obstore.delete(self._store, key))
        except BlobNotFound:
            return

    async def keys(self, folder: BlobKey) -> set[BlobKey]:
        """Name all blobs below a folder."""
        prefix = f"{folder}/"
        return await self._run(
            folder,
            lambda: {
                BlobKey(each["path"])
                for some in obstore.list(self._store, prefix=prefix)
                for each in some
            },
        )

    async def clear(self, folder: BlobKey, *, spare: BlobKey | None = None) -> int:
        """Remove some of what lies below a folder, but nothing below ``spare``, and count it."""
        return await self._run(folder, lambda: self._clear(folder, spare))

    def _clear(self, folder: BlobKey, spare: BlobKey | None) -> int:
        found = (
            each["path"]
            for page in obstore.list(self._store, prefix=f"{folder}/", chunk_size=_PAGE)
            for each in page
            if spare is None or not each["path"].startswith(f"{spare}/")
        )
        paths = list(islice(found, _PAGE))
        if paths:
            with suppress(FileNotFoundError):  # somebody else removes the same; look again
                obstore.delete(self._store, paths)
        return len(paths)

    async def remove(self, keys: Sequence[BlobKey]) -> None:
        """Remove what ``pages`` has listed."""
        for start in range(0, len(keys), _PAGE):
            some = list(keys[start : start + _PAGE])
            await self._run(folder_of(some[0]), partial(self._remove, some))

    def _remove(self, paths: Sequence[str]) -> None:
        try:
            obstore.delete(self._store, list(paths))
        except FileNotFoundError:  # somebody else removes the same: one by one then
            for path in paths:
                with suppress(FileNotFoundError):
                    obstore.delete(self._store, path)

    async def pages(self, folder: BlobKey) -> AsyncIterator[list[BlobEntry]]:
        """Go through all that lies below a folder, a page at a time, in no order."""
        listing = obstore.list(self._store, prefix=f"{folder}/", chunk_size=_PAGE)
        while page := await self._run(folder, lambda: next(listing, None)):
            yield [
                BlobEntry(
                    key=BlobKey(each["path"]),
                    size_bytes=each["size"],
                    modified_at=each["last_modified"],
                )
                for each in page
            ]

    async def _run(self, key: BlobKey, work: Callable[[], _Result]) -> _Result:
        check_blob_key(key)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except FileNotFoundError as error:
            if _NO_BUCKET in str(error):
                raise StoreUnavailable(f"blob {key}: the bucket is not there") from error
            raise BlobNotFound(f"no blob {key}") from error
        except (BaseError, OSError) as error:
            raise StoreUnavailable(f"blob {key}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
