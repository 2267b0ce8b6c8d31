"""Keyset pagination: the key that assets are sorted by, ranges of it, and whole partitions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from infra.cassandra.session import Row
from read_models.view import View
from read_models.view_reader import ViewReader

SortOrder = Literal["asc", "desc"]
SortKey = tuple[int, str]  # created_at in microseconds, asset id: no two assets share one

FIRST_US = -(2**63)
LAST_US = 2**63 - 1
_PAGE_ROWS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRange:
    """The assets between two keys, neither included."""

    after: SortKey = (FIRST_US, "")
    before: SortKey = (LAST_US, "")


def sort_key(row: Row) -> SortKey:
    """Give the key of an asset's row: the older asset has the lesser one."""
    return row["created_at_us"], row["asset_id"]


async def select_all(
    views: ViewReader,
    view: View,
    statement: str,
    parameters_after: Callable[[Row | None], tuple[object, ...]],
) -> list[Row]:
    """Select all rows, a thousand at a time, each time those behind the last one.

    ``parameters_after`` gives the statement's parameters for what follows a row, or for the first
    page when there is none.
    """
    rows: list[Row] = []
    while True:
        parameters = parameters_after(rows[-1] if rows else None)
        page = await views.select(view, statement, parameters, at_most=_PAGE_ROWS)
        rows += page
        if len(page) < _PAGE_ROWS:
            return rows
