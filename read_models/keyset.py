"""Keyset pagination of assets: the key they are sorted by, and ranges of it."""

from dataclasses import dataclass
from typing import Literal

SortOrder = Literal["asc", "desc"]
SortKey = tuple[int, str]  # created_at in microseconds, asset id: no two assets share one

FIRST_US = -(2**63)
LAST_US = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRange:
    """The assets between two keys, neither included."""

    after: SortKey = (FIRST_US, "")
    before: SortKey = (LAST_US, "")
