"""One page of those assets of a bucket source that match, found by looking through all of it."""

from collections.abc import Callable

from infra.cql import Row
from query_api.listing import Order, Page, Place, Shelf, Span, beginning, buckets_to_come, resumed

MOST_READS = 16
_ROWS_A_READ = 200


async def read_matching_page(
    shelf: Shelf,
    matches: Callable[[Row], bool],
    *,
    span: Span,
    order: Order,
    limit: int,
    place: Place | None,
) -> Page:
    """Read one page of the rows that match.

    It makes at most MOST_READS reads of 200 rows, however few of them match: a page may be short,
    even empty, and still have a next one, which goes on behind the last row that was looked at.
    """
    todo = [name for name, _ in await buckets_to_come([shelf], order, place)]
    span = resumed(span, order, place)
    found: list[tuple[str, Row]] = []
    last: list[Row] = []  # the last row that was looked at
    reads = 0
    while todo and len(found) <= limit and reads < MOST_READS:
        rows = await shelf.rows(todo[0], span, order, _ROWS_A_READ)
        reads += 1
        found.extend((todo[0], row) for row in rows if matches(row))
        last = [*rows[-1:]] or last
        if len(rows) < _ROWS_A_READ:
            todo.pop(0)
        else:
            span = resumed(span, order, beginning(todo[0], last, place))
    rows_shown = [row for _, row in found[:limit]]
    if len(found) > limit:
        bucket, row = found[limit - 1]
        return Page(rows=rows_shown, next_place=beginning(bucket, [row], place))
    return Page(rows=rows_shown, next_place=beginning(todo[0], last, place) if todo else None)
