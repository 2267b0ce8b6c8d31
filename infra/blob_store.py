"""Where the bytes are: one door to a folder on this machine or to an S3 bucket."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from domain.values import BlobKey
from infra.blob_files import write_whole
from infra.errors import BlobNotFound, SettingsWrong, StoreUnavailable
from infra.settings import BlobSettings

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_THREADS = 16
_ATTEMPT_TIMEOUT = "30s"
_GIVE_UP_AFTER = timedelta(seconds=10)
_NO_BUCKET = "NoSuchBucket"  # in the body of an answer; one to HEAD has none
_NO_BUCKET_SETTINGS = BlobSettings()

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobInfo:
    """What is known of a blob without reading it."""

    size_bytes: int


class BlobStore(Protocol):
    """Keeps bytes under keys.

    A put that returned is durable, and whole for whoever reads it; one that raised left either
    nothing or all of it. Putting a key again replaces it, so put may be repeated at will. Every
    method raises StoreUnavailable when the store does not answer or has no room, and ValueError
    for a key that is no plain path. A store whose folder or bucket is gone does not answer: none of
    its blobs is missing.
    """

    async def put(self, key: BlobKey, data: bytes, media_type: str) -> None:
        """Keep these bytes under the key."""

    async def put_file(self, key: BlobKey, path: Path, media_type: str) -> None:
        """Keep a file's content under the key."""

    async def get(self, key: BlobKey) -> bytes:
        """Give all bytes of a blob; raises BlobNotFound."""

    async def get_range(self, key: BlobKey, start: int, end: int) -> bytes:
        """Give the bytes from ``start`` up to, not including, ``end``; raises BlobNotFound.

        Less than asked for when the blob ends before; ValueError unless 0 <= start < end.
        """

    async def head(self, key: BlobKey) -> BlobInfo:
        """Tell what is known of a blob; raises BlobNotFound."""

    async def delete(self, key: BlobKey) -> None:
        """Remove a blob; one that is not there is no error."""

    async def keys(self, folder: BlobKey) -> set[BlobKey]:
        """Name all blobs below a folder; for folders of few."""


def open_blob_store(url: str, bucket: BlobSettings = _NO_BUCKET_SETTINGS) -> BlobStore:
    """Open ``file:///folder`` (made when missing) or ``s3://bucket``.

    ``bucket`` holds a bucket's endpoint and keys. Raises SettingsWrong for any other URL.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FileBlobStore(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        return BucketBlobStore(
            S3Store(
                parts.netloc,
                prefix=parts.path.strip("/") or None,
                endpoint=bucket.s3_endpoint or None,
                access_key_id=bucket.s3_access_key.get_secret_value() or None,
                secret_access_key=bucket.s3_secret_key.get_secret_value() or None,
                region="us-east-1",
                client_options={
                    "allow_http": bucket.s3_endpoint.startswith("http://"),
                    "timeout": _ATTEMPT_TIMEOUT,
                },
                retry_config={"max_retries": 4, "retry_timeout": _GIVE_UP_AFTER},
            )
        )
    raise SettingsWrong(f"blobs.url: {url!r} is neither file:///folder nor s3://bucket")


def check_key(key: BlobKey) -> BlobKey:
    """Give the key back; raises ValueError when it could lead anywhere but to its own blob."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"no plain path: {key!r}")
    return key


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

    async def _run(self, key: BlobKey, work: Callable[[], _Result]) -> _Result:
        check_key(key)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except FileNotFoundError as error:
            if _NO_BUCKET in str(error):
                raise StoreUnavailable(f"blob {key}: the bucket is not there") from error
            raise BlobNotFound(f"no blob {key}") from error
        except (BaseError, OSError) as error:
            raise StoreUnavailable(f"blob {key}: {_first_line(error)}") from error


class FileBlobStore(BucketBlobStore):
    """A BlobStore in a folder.

    Reads like any other, but writes by itself: obstore renames a finished file into place
    without asking the disk to keep it.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(LocalStore(folder, mkdir=True))
        self._folder = folder

    async def put(self, key: BlobKey, data: bytes, media_type: str) -> None:
        """Keep these bytes under the key; a folder has no place for the media type."""
        del media_type
        await self._run(key, lambda: self._write(key, data))

    async def put_file(self, key: BlobKey, path: Path, media_type: str) -> None:
        """Keep a file's content under the key; a folder has no place for the media type."""
        del media_type
        await self._run(key, lambda: self._write(key, path))

    async def keys(self, folder: BlobKey) -> set[BlobKey]:
        """Name all blobs below a folder."""
        self._check_folder()
        return await super().keys(folder)

    def _write(self, key: BlobKey, content: bytes | Path) -> None:
        self._check_folder()  # or else bytes would go to the disk below a volume that is not there
        write_whole(self._folder / key, content)

    async def _run(self, key: BlobKey, work: Callable[[], _Result]) -> _Result:
        try:
            return await super()._run(key, work)
        except BlobNotFound:
            self._check_folder()
            raise

    def _check_folder(self) -> None:
        if not self._folder.is_dir():
            raise StoreUnavailable(f"blobs: the folder {self._folder} is not there")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
