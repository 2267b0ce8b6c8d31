"""The shelves as they stood at a moment of the past: a category by month, a tenant by day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.values import CategoryId, TenantId
from infra.cassandra.session import Row
from query_api.listing.bucket_sources import Period
from query_api.listing.page_reader import BucketSource
from query_api.queries import Queries
from read_models.keyset import KeyRange, SortOrder
from read_models.listings_as_of.projection import LISTINGS_AS_OF
from read_models.single_flight_cache import SingleFlightCache
from read_models.time import microseconds

_RECENT_SECONDS = 1.0
_EVERYTHING = ""

BucketKey = tuple[TenantId, str, int]  # the shelf's name, and the generation of the view
BucketCache = SingleFlightCache[BucketKey, Sequence[str]]


class HistoricalBucketSources:
    """Opens shelves as of a moment; which buckets there are may be a second old."""

    def __init__(self, queries: Queries) -> None:
        async def buckets(place: BucketKey) -> Sequence[str]:
            return await queries.buckets_as_of(*place)

        self._queries = queries
        self._buckets = SingleFlightCache(buckets, ttl_seconds=_RECENT_SECONDS)

    def at(self, moment: datetime) -> "BucketSourcesAsOf":
        """Go back to a moment; what happened in it is seen."""
        return BucketSourcesAsOf(self._queries, self._buckets, microseconds(moment))


@dataclass(frozen=True, slots=True)
class BucketSourcesAsOf:
    """Opens shelves as ``Shelves`` does, each as it was."""

    queries: Queries
    known_buckets: BucketCache
    at_us: int

    async def categories(
        self,
        tenant_id: TenantId,
        category_ids: Iterable[CategoryId],
        period: Period,
        *,
        is_fresh: bool,
    ) -> Sequence[BucketSource]:
        """Open the shelf of each category."""
        generation = await self.queries.generation(LISTINGS_AS_OF)
        return [
            _Shelf(self, (tenant_id, each, generation), period, is_fresh) for each in category_ids
        ]

    async def dates(self, tenant_id: TenantId, period: Period, *, is_fresh: bool) -> BucketSource:
        """Open the shelf of all a tenant had."""
        generation = await self.queries.generation(LISTINGS_AS_OF)
        return _Shelf(self, (tenant_id, _EVERYTHING, generation), period, is_fresh)


@dataclass(frozen=True, slots=True)
class _Shelf:
    then: BucketSourcesAsOf
    place: BucketKey
    period: Period
    is_fresh: bool

    async def buckets(self) -> Sequence[str]:
        return self.period.of(await self.then.known_buckets.get(self.place, fresh=self.is_fresh))

    async def rows(
        self, bucket: str, span: KeyRange, order: SortOrder, limit: int
    ) -> Sequence[Row]:
        tenant_id, listing_key, generation = self.place
        return await self.then.queries.shown_as_of(
            self.then.at_us, tenant_id, listing_key, bucket, span, order, limit, generation
        )
