"""The shelves that listings walk: a category by month, a tenant by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.values import CategoryId, TenantId
from infra.cql import Row
from query_api.listing import FIRST_US, LAST_US, Order, Shelf, Span
from query_api.queries import Queries
from query_api.recent import Recent

_RECENT_SECONDS = 1.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From a moment up to, but without, another; None is open."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def span(self) -> Span:
        """Say it in keys; no asset has an empty id, so ``since`` itself lies within."""
        after = FIRST_US if self.since is None else (self.since - _EPOCH) // _MICROSECOND
        before = LAST_US if self.until is None else (self.until - _EPOCH) // _MICROSECOND
        return Span(after=(after, ""), before=(before, ""))

    def of(self, buckets: Sequence[str]) -> Sequence[str]:
        """Leave out the days or months that lie outside."""
        first = "" if self.since is None else _day(self.since)
        last = "~" if self.until is None else _day(self.until)
        return [bucket for bucket in buckets if first[: len(bucket)] <= bucket <= last]


class Shelves:
    """Opens shelves; which buckets there are may be a second old unless ``is_fresh``."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

        async def months(place: tuple[TenantId, CategoryId]) -> Sequence[str]:
            return await queries.months(*place)

        self._months = Recent(months, for_seconds=_RECENT_SECONDS)
        self._days = Recent(queries.days, for_seconds=_RECENT_SECONDS)

    def category(
        self, tenant_id: TenantId, category_id: CategoryId, period: Period, *, is_fresh: bool
    ) -> Shelf:
        """Open the shelf of one category."""
        return _Category(self._queries, self._months, (tenant_id, category_id), period, is_fresh)

    def dates(self, tenant_id: TenantId, period: Period, *, is_fresh: bool) -> Shelf:
        """Open the shelf of all a tenant has."""
        return _Dates(self._queries, self._days, tenant_id, period, is_fresh)


@dataclass(frozen=True, slots=True)
class _Category:
    queries: Queries
    months: Recent[tuple[TenantId, CategoryId], Sequence[str]]
    place: tuple[TenantId, CategoryId]
    period: Period
    is_fresh: bool

    async def buckets(self) -> Sequence[str]:
        return self.period.of(await self.months.get(self.place, fresh=self.is_fresh))

    async def rows(self, bucket: str, span: Span, order: Order, limit: int) -> Sequence[Row]:
        return await self.queries.of_month(*self.place, bucket, span, order, limit)


@dataclass(frozen=True, slots=True)
class _Dates:
    queries: Queries
    days: Recent[TenantId, Sequence[str]]
    tenant_id: TenantId
    period: Period
    is_fresh: bool

    async def buckets(self) -> Sequence[str]:
        return self.period.of(await self.days.get(self.tenant_id, fresh=self.is_fresh))

    async def rows(self, bucket: str, span: Span, order: Order, limit: int) -> Sequence[Row]:
        return await self.queries.of_day(self.tenant_id, bucket, span, order, limit)


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()
