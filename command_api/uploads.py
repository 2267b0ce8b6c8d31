"""Uploaded bytes on their way into the blob store, never whole in memory."""

import asyncio
from contextlib import AbstractAsyncContextManager
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, BinaryIO, Protocol

from starlette.datastructures import UploadFile

from domain.values import AssetId, BlobKey, Source, TenantId
from infra.web.errors import BodyTooLarge
from infra.web.places import Places

_CHUNK_BYTES = 1 << 20
_MAX_NAME_LENGTH = 255
_MEDIA_TYPE = "application/octet-stream"  # what it really is, the decoder finds out


class Staging(Protocol):
    """What keeps staged bytes: infra.blob_store.BlobStore."""

    async def put_file(self, key: BlobKey, path: Path, media_type: str) -> None:
        """Keep a file's content under the key; raises StoreUnavailable."""


class Uploads:
    """Stages uploads by tenant, asset and SHA-256, so that sending one again changes nothing."""

    def __init__(self, blobs: Staging, max_bytes: int, places: Places) -> None:
        self._blobs = blobs
        self._max_bytes = max_bytes
        self._places = places

    def room(self, tenant_id: TenantId) -> AbstractAsyncContextManager[None]:
        """Hold one of few places, from before the bytes are read.

        Raises Overloaded when none came free within a moment.
        """
        return self._places.wait_for_one(tenant_id)

    async def stage(self, file: UploadFile, tenant_id: TenantId, asset_id: AssetId) -> Source:
        """Put a file into the store; raises BodyTooLarge, StoreUnavailable."""
        if (file.size or 0) > self._max_bytes:
            raise BodyTooLarge(
                f"the file is larger than {self._max_bytes} bytes",
                members={"max_bytes": self._max_bytes},
            )
        with NamedTemporaryFile() as copy:
            digest = await asyncio.to_thread(_copy, file.file, copy)
            key = BlobKey(f"uploads/{tenant_id}/{asset_id}/{digest}")
            await self._blobs.put_file(key, Path(copy.name), _MEDIA_TYPE)
        return Source(url=None, upload_key=key, file_name=_plain_name(file.filename))


def _copy(source: BinaryIO, target: IO[bytes]) -> str:
    digest = sha256()
    while chunk := source.read(_CHUNK_BYTES):
        digest.update(chunk)
        target.write(chunk)
    target.flush()
    return digest.hexdigest()


def _plain_name(name: str | None) -> str | None:
    """Keep the last part of a path, without what does not print."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    return "".join(filter(str.isprintable, last))[:_MAX_NAME_LENGTH] or None
