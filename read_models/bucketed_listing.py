"""Listings whose rows lie in buckets of time: which buckets there are, and the rows of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from infra.cassandra.session import Row
from read_models.keyset import FIRST_US, LAST_US, KeyRange, SortOrder
from read_models.single_flight_cache import SingleFlightCache
from read_models.time import day, microseconds
from read_models.view import View
from read_models.view_reader import ViewReader

WITHIN = " AND (created_at_us, asset_id) > (?, ?) AND (created_at_us, asset_id) < (?, ?)"
"""The condition of a KeyRange."""

_ORDERED: Mapping[SortOrder, str] = {
    "asc": " ORDER BY created_at_us ASC, asset_id ASC LIMIT ?",
    "desc": " ORDER BY created_at_us DESC, asset_id DESC LIMIT ?",
}
_CACHED_SECONDS = 1.0
_ALL_BUCKETS = 20_000  # more than fifty years of days

ListingKey = tuple[str, ...]  # what comes before the bucket in the key of a view's table


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From a moment up to, but without, another; None is open."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def span(self) -> KeyRange:
        """Say it in keys; no asset has an empty id, so ``since`` itself lies within."""
        after = FIRST_US if self.since is None else microseconds(self.since)
        before = LAST_US if self.until is None else microseconds(self.until)
        return KeyRange(after=(after, ""), before=(before, ""))

    def of(self, buckets: Sequence[str]) -> Sequence[str]:
        """Leave out the days or months that lie outside."""
        first = "" if self.since is None else day(self.since)
        last = "~" if self.until is None else day(self.until)
        return [bucket for bucket in buckets if first[: len(bucket)] <= bucket <= last]


class BucketedView:
    """Opens the listings of a view; which buckets they have may be a second old.

    ``buckets`` selects the only column of a listing's buckets, ``rows`` those of a bucket WITHIN a
    range, up to where their order follows. With ``filters`` Cassandra looks through that range.
    """

    def __init__(
        self, views: ViewReader, view: View, *, buckets: str, rows: str, filters: bool = False
    ) -> None:
        self._views = views
        self._view = view
        self._buckets = buckets
        self._rows = {
            order: f"{rows}{ordered}{' ALLOW FILTERING' if filters else ''}"
            for order, ordered in _ORDERED.items()
        }
        self._cached = SingleFlightCache(self._read_buckets, ttl_seconds=_CACHED_SECONDS)

    async def open(
        self,
        keys: Iterable[ListingKey],
        period: Period,
        *,
        is_fresh: bool,
        as_of: datetime | None = None,
    ) -> list["BucketedListing"]:
        """Open the listings with these keys; with ``is_fresh`` none of their buckets is missing.

        They stay with one generation of the view, so that no page is read half from one and half
        from another whose buckets may be cut differently.
        """
        generation = await self._views.generation(self._view)
        return [BucketedListing(self, key, generation, period, is_fresh, as_of) for key in keys]

    async def buckets(self, listing: "BucketedListing") -> Sequence[str]:
        """Name the buckets in which a listing has, or had, assets."""
        return await self._cached.get((listing.key, listing.generation), fresh=listing.is_fresh)

    async def rows(
        self, listing: "BucketedListing", parameters: tuple[object, ...], order: SortOrder
    ) -> list[Row]:
        """Select rows of a listing."""
        return await self._views.select(
            self._view, self._rows[order], parameters, generation=listing.generation
        )

    async def _read_buckets(self, at: tuple[ListingKey, int]) -> Sequence[str]:
        key, generation = at
        rows = await self._views.select(
            self._view, self._buckets, key, at_most=_ALL_BUCKETS, generation=generation
        )
        return [name for row in rows for name in row.values()]


@dataclass(frozen=True, slots=True)
class BucketedListing:
    """One listing in one generation of its view, as it is or as it was at a moment."""

    view: BucketedView
    key: ListingKey
    generation: int
    period: Period
    is_fresh: bool
    as_of: datetime | None

    async def buckets(self) -> Sequence[str]:
        """Name the buckets that may hold something, in any order."""
        return self.period.of(await self.view.buckets(self))

    async def rows(
        self, bucket: str, span: KeyRange, order: SortOrder, limit: int
    ) -> Sequence[Row]:
        """Give the first rows of a bucket within the span, at most ``limit``, ordered by key."""
        then = () if self.as_of is None else (microseconds(self.as_of),) * 2
        parameters = (*self.key, bucket, *span.after, *span.before, *then, limit)
        return await self.view.rows(self, parameters, order)
