"""A batch record: one picture of a batch, as it was sent."""

from dataclasses import dataclass
from typing import BinaryIO

from infra.http.errors import BodyTooLarge, RequestError

_SKIPPED_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """One picture as JSON text, not looked at yet; or, where there is none, what is wrong.

    ``number`` counts from 1: lines of the file, the CSV header among them; items of an array.
    """

    number: int
    text: bytes = b""
    fault: RequestError | None = None


def line_too_long(max_bytes: int) -> BodyTooLarge:
    """Say that a line has more bytes than a line may have."""
    return BodyTooLarge(
        f"a line may have {max_bytes} bytes; send less", members={"max_line_bytes": max_bytes}
    )


def next_line(file: BinaryIO, max_bytes: int) -> bytes | None:
    """Read one line with its end, empty at the end of the file; None for one that was too long."""
    text = file.readline(max_bytes + 1)
    if len(text) <= max_bytes or text.endswith(b"\n"):
        return text
    while text and not text.endswith(b"\n"):
        text = file.readline(_SKIPPED_BYTES)
    return None
