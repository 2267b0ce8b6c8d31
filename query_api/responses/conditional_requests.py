"""Conditional and partial requests: entity tags and byte ranges, as RFC 9110 has them."""

import re
from dataclasses import dataclass

from infra.http.errors import RangeNotSatisfiable

_ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_MAX_DIGITS = 18


def is_unchanged(if_none_match: str | None, etag: str) -> bool:
    """Tell whether the client has this representation; the comparison is weak, as for every GET."""
    if if_none_match is None:
        return False
    tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return any(tag in ("*", etag) for tag in tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Bytes ``start`` up to, but without, ``end``."""

    start: int
    end: int


def requested_range(
    range_header: str | None, if_range: str | None, *, etag: str, size_bytes: int
) -> ByteRange | None:
    """Read which part is asked for; None for the whole.

    The whole is also the answer to several ranges, another unit, or an ``If-Range`` that names
    other bytes. Raises RangeNotSatisfiable when the range lies behind the end.
    """
    if range_header is None or (if_range is not None and if_range != etag):
        return None
    match = _ONE_RANGE.fullmatch(range_header.strip())
    if match is None or max(map(len, match.groups())) > _MAX_DIGITS:
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if first:
        start, end = int(first), int(last) + 1 if last else size_bytes
        if end <= start and last:
            return None  # "5-3" is no range
    else:
        start, end = max(0, size_bytes - int(last)), size_bytes
    if start >= size_bytes:
        raise RangeNotSatisfiable(
            f"the picture has {size_bytes} bytes",
            headers={"Content-Range": f"bytes */{size_bytes}"},
        )
    return ByteRange(start=start, end=min(end, size_bytes))
