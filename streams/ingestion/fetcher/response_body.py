"""Response bodies: judged by status and headers, written to a file, counted and hashed."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from streams.outbound_http.fetch_failures import FetchFailed
from streams.outbound_http.http_exchange import OriginResponse
from streams.outbound_http.retry_after import retry_after_seconds

_OK = range(200, 300)
_PARTIAL_CONTENT = 206
"""Never asked for, so it cannot be trusted to be the whole picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedBody:
    """What was written: its size in bytes and the hexadecimal SHA-256 of it."""

    size_bytes: int
    sha256: str


async def receive_body(answer: OriginResponse, into: Path, max_bytes: int) -> DownloadedBody:
    """Write the body of a good answer to ``into``, or raise FetchFailed.

    ``http_status`` for anything but a full 2xx, ``too_large`` as soon as the size is known to
    pass ``max_bytes``, ``unsupported_format`` for a compressed answer, since we asked for none.
    A file may be left behind on failure.
    """
    if answer.status not in _OK or answer.status == _PARTIAL_CONTENT:
        raise FetchFailed(
            "http_status",
            f"the source answered with status {answer.status}",
            status=answer.status,
            retry_after_seconds=retry_after_seconds(answer.value("retry-after")),
        )
    encodings = [each.strip().lower() for each in answer.values("content-encoding")]
    if any(encoding not in ("", "identity") for encoding in encodings):
        raise FetchFailed("unsupported_format", "the source was sent compressed")
    declared = answer.value("content-length")  # h11 lets plain digits pass only
    if declared is not None and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    return await _write(answer, into, max_bytes)


async def _write(answer: OriginResponse, into: Path, max_bytes: int) -> DownloadedBody:
    size, digest = 0, hashlib.sha256()
    # Plain writes: a chunk is 64 kB at most and lands in the page cache.
    with into.open("wb") as file:
        async for chunk in answer.body:
            size += len(chunk)
            if size > max_bytes:
                raise _too_large(max_bytes)
            digest.update(chunk)
            file.write(chunk)
    return DownloadedBody(size_bytes=size, sha256=digest.hexdigest())


def _too_large(max_bytes: int) -> FetchFailed:
    return FetchFailed("too_large", f"the source is larger than {max_bytes} bytes")
