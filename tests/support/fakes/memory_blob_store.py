"""Stand-ins that keep everything in memory; held to the same contracts as the real ones."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from domain.values import BlobKey
from infra.blobs.store import BlobEntry, BlobInfo, check_blob_key
from infra.errors import BlobNotFound


class MemoryBlobStore:
    """A BlobStore for tests; ``blobs`` is what it holds.

    What was put into ``blobs`` by hand was modified now, or when ``modified_at`` says.
    """

    page_size = 1_000

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.blobs: dict[BlobKey, bytes] = {}
        self.modified_at: dict[BlobKey, datetime] = {}
        self.now = now

    async def put(self, key: BlobKey, data: bytes, media_type: str) -> None:
        """Keep these bytes under the key."""
        self.blobs[check_blob_key(key)] = data
        self.modified_at[key] = self.now()

    async def put_file(self, key: BlobKey, path: Path, media_type: str) -> None:
        """Keep a file's content under the key."""
        self.blobs[check_blob_key(key)] = path.read_bytes()  # noqa: ASYNC240 - a small file of a test
        self.modified_at[key] = self.now()

    async def get(self, key: BlobKey) -> bytes:
        """Give all bytes of a blob."""
        try:
            return self.blobs[check_blob_key(key)]
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

    async def copy(self, key: BlobKey, to: BlobKey) -> None:
        """Keep the same bytes under another key too."""
        await self.put(to, await self.get(key), "")

    async def delete(self, key: BlobKey) -> None:
        """Remove a blob."""
        self.blobs.pop(check_blob_key(key), None)

    async def keys(self, folder: BlobKey) -> set[BlobKey]:
        """Name all blobs below a folder."""
        return {key for key in self.blobs if key.startswith(f"{check_blob_key(folder)}/")}

    async def clear(self, folder: BlobKey, *, spare: BlobKey | None = None) -> int:
        """Remove some of what lies below a folder, but nothing below ``spare``, and count it."""
        found = [
            key
            for key in sorted(await self.keys(folder))
            if spare is None or not key.startswith(f"{spare}/")
        ][: self.page_size]
        for key in found:
            del self.blobs[key]
        return len(found)

    async def remove(self, keys: Sequence[BlobKey]) -> None:
        """Remove what ``pages`` has listed."""
        for key in keys:
            self.blobs.pop(key, None)

    async def pages(self, folder: BlobKey) -> AsyncIterator[list[BlobEntry]]:
        """Go through all that lies below a folder, a page at a time, in no order."""
        found = sorted(await self.keys(folder))
        for start in range(0, len(found), self.page_size):
            yield [
                BlobEntry(
                    key=key,
                    size_bytes=len(self.blobs[key]),
                    modified_at=self.modified_at.get(key, self.now()),
                )
                for key in found[start : start + self.page_size]
            ]
