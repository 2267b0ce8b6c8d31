"""Upcasters: pure functions that make a newer version of a record where Avro's rules cannot.

``UPCASTERS["AssetDescribed", 1]`` takes a record as version 1 wrote it, with plain values, and
gives the record that version 2 would have been. Use one only where no default and no alias will do:
older code cannot read what was written after it, so every consumer must be upgraded first.
"""

from collections.abc import Callable, Mapping
from typing import Any

Upcast = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: Mapping[tuple[str, int], Upcast] = {}


def first_upcast(name: str, version: int, newest: int) -> tuple[int, Upcast] | None:
    """Find the first version on the way to the newest from which only an upcaster leads on."""
    for number in range(version, newest):
        if (name, number) in UPCASTERS:
            return number, UPCASTERS[name, number]
    return None
