"""The shelves that listings walk: a category by month, a tenant by day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.values import CategoryId, TenantId
from infra.cassandra.session import Row
from query_api.listing.page_reader import BucketSource
from query_api.queries import Queries
from read_models.assets_by_category.projection import ASSETS_BY_CATEGORY
from read_models.assets_by_date.projection import ASSETS_BY_DATE
from read_models.keyset import FIRST_US, LAST_US, KeyRange, SortOrder
from read_models.single_flight_cache import SingleFlightCache
from read_models.time import microseconds

_RECENT_SECONDS = 1.0


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
        first = "" if self.since is None else _day(self.since)
        last = "~" if self.until is None else _day(self.until)
        return [bucket for bucket in buckets if first[: len(bucket)] <= bucket <= last]


class BucketSources:
    """Opens shelves; which buckets there are may be a second old unless ``is_fresh``.

    A shelf stays with one generation of its view, so that no page is read half from one and half
    from another whose buckets may be cut differently.
    """

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

        async def months(place: tuple[TenantId, CategoryId, int]) -> Sequence[str]:
            return await queries.months(*place)

        async def days(place: tuple[TenantId, int]) -> Sequence[str]:
            return await queries.days(*place)

        self._months = SingleFlightCache(months, ttl_seconds=_RECENT_SECONDS)
        self._days = SingleFlightCache(days, ttl_seconds=_RECENT_SECONDS)

    async def categories(
        self,
        tenant_id: TenantId,
        category_ids: Iterable[CategoryId],
        period: Period,
        *,
        is_fresh: bool,
    ) -> Sequence[BucketSource]:
        """Open the shelf of each category."""
        generation = await self._queries.generation(ASSETS_BY_CATEGORY)
        return [
            _Category(self._queries, self._months, (tenant_id, each, generation), period, is_fresh)
            for each in category_ids
        ]

    async def dates(self, tenant_id: TenantId, period: Period, *, is_fresh: bool) -> BucketSource:
        """Open the shelf of all a tenant has."""
        generation = await self._queries.generation(ASSETS_BY_DATE)
        return _Dates(self._queries, self._days, (tenant_id, generation), period, is_fresh)


@dataclass(frozen=True, slots=True)
class _Category:
    queries: Queries
    months: SingleFlightCache[tuple[TenantId, CategoryId, int], Sequence[str]]
    place: tuple[TenantId, CategoryId, int]
    period: Period
    is_fresh: bool

    async def buckets(self) -> Sequence[str]:
        return self.period.of(await self.months.get(self.place, fresh=self.is_fresh))

    async def rows(
        self, bucket: str, span: KeyRange, order: SortOrder, limit: int
    ) -> Sequence[Row]:
        tenant_id, category_id, generation = self.place
        return await self.queries.of_month(
            tenant_id, category_id, bucket, span, order, limit, generation
        )


@dataclass(frozen=True, slots=True)
class _Dates:
    queries: Queries
    days: SingleFlightCache[tuple[TenantId, int], Sequence[str]]
    place: tuple[TenantId, int]
    period: Period
    is_fresh: bool

    async def buckets(self) -> Sequence[str]:
        return self.period.of(await self.days.get(self.place, fresh=self.is_fresh))

    async def rows(
        self, bucket: str, span: KeyRange, order: SortOrder, limit: int
    ) -> Sequence[Row]:
        tenant_id, generation = self.place
        return await self.queries.of_day(tenant_id, bucket, span, order, limit, generation)


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()
