"""Blob entries: what is known of a blob without reading it, and which keys are valid."""

import re
from dataclasses import dataclass
from datetime import datetime

from domain.values import BlobKey

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobInfo:
    """What is known of a blob without reading it."""

    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobEntry:
    """A blob as a listing shows it; one that a crash left half written begins with a dot."""

    key: BlobKey
    size_bytes: int
    modified_at: datetime


def is_blob_key(text: str) -> bool:
    """Tell a plain path, which can lead nowhere but to its own blob."""
    return bool(_KEY.fullmatch(text))


def check_blob_key(key: BlobKey) -> BlobKey:
    """Give the key back; raises ValueError when it could lead anywhere but to its own blob."""
    if not is_blob_key(key):
        raise ValueError(f"no plain path: {key!r}")
    return key
