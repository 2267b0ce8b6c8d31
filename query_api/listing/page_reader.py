"""Reads a page of assets from bucket sources, bucket by bucket in time, until it is full.

A bucket source holds the assets of one category, or of one tenant by date, in buckets that follow
each other in time. A position between two assets does not move while others come and go, so no
asset that was there all along is shown twice or left out.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from infra.cassandra.session import Row
from read_models.keyset import KeyRange, SortKey, SortOrder, sort_key

_MAX_READS = 128
_READS_AT_ONCE = 16
_Read = TypeVar("_Read")
_MOST_BUCKETS_AT_ONCE = 16


class PageStart(NamedTuple):
    """Where a page begins: in which bucket, and behind which asset; none before one was shown."""

    bucket: str
    created_at_us: int | None
    asset_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPage:
    """Some rows in order, and where the next page begins; None at the end."""

    rows: list[Row]
    next_start: PageStart | None


class BucketSource(Protocol):
    """Assets in buckets of time; the names of buckets sort as the buckets do."""

    async def buckets(self) -> Sequence[str]:
        """Name the buckets that may hold something, in any order."""

    async def rows(
        self, bucket: str, span: KeyRange, order: SortOrder, limit: int
    ) -> Sequence[Row]:
        """Give the first rows of a bucket within the span, at most ``limit``, ordered by key."""


async def read_page(
    sources: Sequence[BucketSource],
    *,
    span: KeyRange,
    order: SortOrder,
    limit: int,
    page_start: PageStart | None,
) -> RowPage:
    """Read one page of all sources together; an asset in several is shown once.

    It makes a bounded number of reads, sixteen at once: one of buckets for each source, and at most
    128 of rows, or one for each source that has the first bucket if those are more. Over many empty
    buckets a page may be short, even empty, and still have a next one.
    """
    side_by_side = _BoundedReads()
    todo = await remaining_buckets(sources, order, page_start, side_by_side)
    span = range_after(span, order, page_start)
    found: list[tuple[str, Row]] = []
    reads, wave = 0, 1
    while todo and len(found) <= limit and reads < _MAX_READS:
        count = _first_of(todo, wave, _MAX_READS - reads)
        buckets, todo = todo[:count], todo[count:]
        wanted = limit + 1 - len(found)
        merge = partial(_merged, span=span, order=order, limit=wanted, side_by_side=side_by_side)
        answers = await _gathered([merge(*each) for each in buckets])
        for (bucket, _), rows in zip(buckets, answers, strict=True):
            found.extend((bucket, row) for row in rows)
        reads += sum(len(holders) for _, holders in buckets)
        wave = min(2 * wave, _MOST_BUCKETS_AT_ONCE)  # the first bucket mostly fills the page
    rows = [row for _, row in found[:limit]]
    if len(found) > limit:
        bucket, last = found[limit - 1]
        return RowPage(rows=rows, next_start=page_start_at(bucket, [last], page_start))
    return RowPage(
        rows=rows, next_start=page_start_at(todo[0][0], rows, page_start) if todo else None
    )


def _first_of(
    todo: Sequence[tuple[str, Sequence[BucketSource]]], wave: int, reads_left: int
) -> int:
    """Count the buckets that are read next: a wave of them, and no more reads than are left."""
    count = 1
    reads = len(todo[0][1])
    for _, holders in todo[1:wave]:
        reads += len(holders)
        if reads > reads_left:
            break
        count += 1
    return count


async def remaining_buckets(
    sources: Sequence[BucketSource],
    order: SortOrder,
    page_start: PageStart | None,
    side_by_side: "_BoundedReads | None" = None,
) -> list[tuple[str, list[BucketSource]]]:
    """Pair each bucket that is still to come with the sources that have it."""
    holders: dict[str, list[BucketSource]] = {}
    side_by_side = side_by_side or _BoundedReads()
    answers = await side_by_side.all([source.buckets() for source in sources])
    for source, buckets in zip(sources, answers, strict=True):
        for bucket in buckets:
            holders.setdefault(bucket, []).append(source)
    names = sorted(holders, reverse=order == "desc")
    if page_start is not None:
        names = [name for name in names if _is_to_come(name, page_start.bucket, order)]
    return [(name, holders[name]) for name in names]


def _is_to_come(bucket: str, begin: str, order: SortOrder) -> bool:
    """Tell by their common part: a cursor outlives a switch from days to months, and back."""
    length = min(len(bucket), len(begin))
    bucket, begin = bucket[:length], begin[:length]
    return bucket <= begin if order == "desc" else bucket >= begin


def page_start_at(bucket: str, rows: Sequence[Row], page_start: PageStart | None) -> PageStart:
    """Begin with a bucket, behind the last of these rows, else behind what was shown before."""
    if rows:
        return PageStart(bucket, *sort_key(rows[-1]))
    if page_start is not None:
        return page_start._replace(bucket=bucket)
    return PageStart(bucket=bucket, created_at_us=None, asset_id=None)


def range_after(span: KeyRange, order: SortOrder, page_start: PageStart | None) -> KeyRange:
    """Cut off what earlier pages showed."""
    if page_start is None or page_start.created_at_us is None or page_start.asset_id is None:
        return span
    shown: SortKey = (page_start.created_at_us, page_start.asset_id)
    if order == "desc":
        return KeyRange(after=span.after, before=min(span.before, shown))
    return KeyRange(after=max(span.after, shown), before=span.before)


async def _merged(
    bucket: str,
    sources: Sequence[BucketSource],
    *,
    span: KeyRange,
    order: SortOrder,
    limit: int,
    side_by_side: "_BoundedReads",
) -> Iterable[Row]:
    """Give the first rows of one bucket of all sources, at least ``limit``, each asset once."""
    runs = await side_by_side.all([source.rows(bucket, span, order, limit) for source in sources])
    if len(runs) == 1:
        return runs[0]
    by_key = {sort_key(row): row for run in runs for row in run}
    return [by_key[key] for key in sorted(by_key, reverse=order == "desc")]


async def _gathered(works: Sequence[Coroutine[Any, Any, _Read]]) -> Sequence[_Read]:
    """Work side by side; a single one, as most are, needs no task of its own."""
    return [await works[0]] if len(works) == 1 else await asyncio.gather(*works)


class _BoundedReads:
    """Carries out the reads of one page, few at once."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_READS_AT_ONCE)

    async def all(self, reads: Sequence[Coroutine[Any, Any, _Read]]) -> Sequence[_Read]:
        """Give the answer of each read."""
        return await _gathered([self._one(read) for read in reads])

    async def _one(self, read: Coroutine[Any, Any, _Read]) -> _Read:
        async with self._slots:
            return await read
