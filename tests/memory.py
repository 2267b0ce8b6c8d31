"""Stand-ins that keep everything in memory; held to the same contracts as the real ones."""

from pathlib import Path

from domain.values import BlobKey
from infra.blob_store import BlobInfo, check_key
from infra.errors import BlobNotFound


class MemoryBlobStore:
    """A BlobStore for tests; ``blobs`` is what it holds."""

    def __init__(self) -> None:
        self.blobs: dict[BlobKey, bytes] = {}

    async def put(self, key: BlobKey, data: bytes, media_type: str) -> None:
        """Keep these bytes under the key."""
        self.blobs[check_key(key)] = data

    async def put_file(self, key: BlobKey, path: Path, media_type: str) -> None:
        """Keep a file's content under the key."""
        self.blobs[check_key(key)] = path.read_bytes()  # noqa: ASYNC240 - a small file of a test

    async def get(self, key: BlobKey) -> bytes:
        """Give all bytes of a blob."""
        try:
            return self.blobs[check_key(key)]
        except KeyError:
            raise BlobNotFound(f"no blob {key}") from None

    async def get_range(self, key: BlobKey, start: int, end: int) -> bytes:
        """Give the bytes from ``start`` up to, not including, ``end``."""
        if not 0 <= start < end:
            raise ValueError(f"no range: {start} to {end}")
        return (await self.get(key))[start:end]

    async def head(self, key: BlobKey) -> BlobInfo:
        """Tell what is known of a blob."""
        return BlobInfo(size_bytes=len(await self.get(key)))

    async def delete(self, key: BlobKey) -> None:
        """Remove a blob."""
        self.blobs.pop(check_key(key), None)

    async def keys(self, folder: BlobKey) -> set[BlobKey]:
        """Name all blobs below a folder."""
        return {key for key in self.blobs if key.startswith(f"{check_key(folder)}/")}
