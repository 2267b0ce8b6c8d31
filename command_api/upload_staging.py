"""Upload staging: uploaded bytes go to the blob store, never whole in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, BinaryIO, Protocol
from uuid import uuid4

from starlette.datastructures import UploadFile

from domain.asset.blob_keys import asset_folder, restaged_upload_key, upload_key
from domain.values import AssetId, BlobKey, Sha256, Source, TenantId
from infra.errors import BlobNotFound, StoreUnavailable
from infra.http.errors import BodyTooLarge, Unavailable
from infra.http.tenant_slots import TenantSlots

_CHUNK_BYTES = 1 << 20
_MAX_NAME_LENGTH = 255
_MEDIA_TYPE = "application/octet-stream"  # what it really is, the decoder finds out


class StagingStore(Protocol):
    """What keeps staged bytes: infra.blobs.store.BlobStore."""

    async def put_file(self, key: BlobKey, path: Path, media_type: str) -> None:
        """Keep a file's content under the key; raises StoreUnavailable."""

    async def copy(self, key: BlobKey, to: BlobKey) -> None:
        """Keep the same bytes under another key too; raises BlobNotFound, StoreUnavailable."""

    async def delete(self, key: BlobKey) -> None:
        """Remove a blob; raises StoreUnavailable."""


class UploadStaging:
    """Stages each upload in a folder of its own, below that of its asset.

    Whoever decides the command that names an upload has it removed if it took no effect. So one
    upload is named in one command only: a request that is sent again stages its bytes again.
    """

    def __init__(self, blobs: StagingStore, max_bytes: int, places: TenantSlots) -> None:
        self._blobs = blobs
        self._max_bytes = max_bytes
        self._places = places

    def slot(self, tenant_id: TenantId) -> AbstractAsyncContextManager[None]:
        """Hold one of few places, from before the bytes are read.

        Raises Overloaded when none came free within a moment.
        """
        return self._places.wait_for_slot(tenant_id)

    async def stage(self, file: UploadFile, tenant_id: TenantId, asset_id: AssetId) -> Source:
        """Put a file into the store; raises BodyTooLarge, StoreUnavailable."""
        if (file.size or 0) > self._max_bytes:
            raise BodyTooLarge(
                f"the file is larger than {self._max_bytes} bytes",
                members={"max_bytes": self._max_bytes},
            )
        with NamedTemporaryFile() as copy:
            digest = await asyncio.to_thread(_copy, file.file, copy)
            key = upload_key(asset_folder(tenant_id, asset_id), uuid4().hex, Sha256(digest))
            await self._blobs.put_file(key, Path(copy.name), _MEDIA_TYPE)
        return Source(url=None, upload_key=key, file_name=_plain_name(file.filename))

    async def restage(self, source: Source) -> Source:
        """Stage the same for another command; raises Unavailable, StoreUnavailable."""
        if source.upload_key is None:
            return source
        key = restaged_upload_key(source.upload_key, uuid4().hex)
        try:
            await self._blobs.copy(source.upload_key, key)
        except BlobNotFound as error:
            raise Unavailable("the upload is gone already; send the request again") from error
        return replace(source, upload_key=key)

    @asynccontextmanager
    async def unstaged_on(
        self, source: Source, unless_sent: type[Exception]
    ) -> AsyncIterator[None]:
        """Remove what is staged when this is raised: the command that names it was not sent then.

        Of one that may have been sent nobody but the decider knows what becomes of it.
        """
        try:
            yield
        except unless_sent:
            if source.upload_key:
                with suppress(StoreUnavailable):  # ``scalehoster blobs check`` finds it
                    await self._blobs.delete(source.upload_key)
            raise


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
