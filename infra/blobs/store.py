"""The interface of the blob store, and the choice between a folder and an S3 bucket."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from obstore.store import S3Store

from domain.values import BlobKey
from infra.blobs.bucket_store import BucketBlobStore
from infra.blobs.entries import BlobEntry, BlobInfo, check_blob_key, is_blob_key
from infra.blobs.folder_store import FileBlobStore
from infra.errors import SettingsWrong
from infra.settings import BlobSettings

__all__ = ["BlobEntry", "BlobInfo", "BlobStore", "check_blob_key", "is_blob_key", "open_blob_store"]

_ATTEMPT_TIMEOUT = "30s"
_GIVE_UP_AFTER = timedelta(seconds=10)
_NO_BUCKET_SETTINGS = BlobSettings()


class BlobStore(Protocol):
    """Keeps bytes under keys.

    A put that returned is durable, and whole for every reader; one that raised left either
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

    async def copy(self, key: BlobKey, to: BlobKey) -> None:
        """Keep the same bytes under another key too; raises BlobNotFound."""

    async def delete(self, key: BlobKey) -> None:
        """Remove a blob; one that is not there is no error."""

    async def keys(self, folder: BlobKey) -> set[BlobKey]:
        """Name all blobs below a folder; for folders of few."""

    async def clear(self, folder: BlobKey, *, spare: BlobKey | None = None) -> int:
        """Remove some of what lies below a folder, but nothing below ``spare``, and count it.

        0 says that nothing was there: called until then, it has removed all that was put before
        the last call. What a crash left half written goes too.
        """

    async def remove(self, keys: Sequence[BlobKey]) -> None:
        """Remove what ``pages`` has listed; what is gone meanwhile is no error."""

    def pages(self, folder: BlobKey) -> AsyncIterator[list[BlobEntry]]:
        """Go through all that lies below a folder, a page at a time, in no order."""


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
