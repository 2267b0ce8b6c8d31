"""One page of those assets of a bucket source that match, found by looking through all of it."""

from collections.abc import Callable

from infra.cassandra.session import Row
from query_api.listing.page_reader import (
    BucketSource,
    PageStart,
    RowPage,
    page_start_at,
    range_after,
    remaining_buckets,
)
from read_models.keyset import KeyRange, SortOrder

MOST_READS = 16
_ROWS_A_READ = 200


async def read_filtered_page(
    source: BucketSource,
    matches: Callable[[Row], bool],
    *,
    span: KeyRange,
    order: SortOrder,
    limit: int,
    page_start: PageStart | None,
) -> RowPage:
    """Read one page of the rows that match.

    It makes at most MOST_READS reads of 200 rows, however few of them match: a page may be short,
    even empty, and still have a next one, which goes on behind the last row that was looked at.
    """
    todo = [name for name, _ in await remaining_buckets([source], order, page_start)]
    span = range_after(span, order, page_start)
    found: list[tuple[str, Row]] = []
    last: list[Row] = []  # the last row that was looked at
    reads = 0
    while todo and len(found) <= limit and reads < MOST_READS:
        rows = await source.rows(todo[0], span, order, _ROWS_A_READ)
        reads += 1
        found.extend((todo[0], row) for row in rows if matches(row))
        last = [*rows[-1:]] or last
        if len(rows) < _ROWS_A_READ:
            todo.pop(0)
        else:
            span = range_after(span, order, page_start_at(todo[0], last, page_start))
    rows_shown = [row for _, row in found[:limit]]
    if len(found) > limit:
        bucket, row = found[limit - 1]
        return RowPage(rows=rows_shown, next_start=page_start_at(bucket, [row], page_start))
    return RowPage(
        rows=rows_shown, next_start=page_start_at(todo[0], last, page_start) if todo else None
    )
