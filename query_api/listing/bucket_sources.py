"""Where listings are read: a category by month, a tenant by day, as they are or as they were."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from domain.values import CategoryId, TenantId
from query_api.listing.page_reader import BucketSource
from read_models.assets_by_category.queries import listings_by_category
from read_models.assets_by_date.queries import listings_by_date
from read_models.bucketed_listing import ListingKey, Period
from read_models.listings_as_of.projection import EVERYTHING
from read_models.listings_as_of.queries import listings_of_the_past
from read_models.view_reader import ViewReader


class BucketSources:
    """Opens listings, as of a moment where one is named; what happened in it is seen.

    Which buckets there are may be a second old unless ``is_fresh``.
    """

    def __init__(self, views: ViewReader) -> None:
        self._by_category = listings_by_category(views)
        self._by_date = listings_by_date(views)
        self._past = listings_of_the_past(views)

    async def categories(
        self,
        tenant_id: TenantId,
        category_ids: Iterable[CategoryId],
        period: Period,
        *,
        as_of: datetime | None,
        is_fresh: bool,
    ) -> Sequence[BucketSource]:
        """Open the listing of each category."""
        view = self._by_category if as_of is None else self._past
        keys: list[ListingKey] = [(tenant_id, each) for each in category_ids]
        return await view.open(keys, period, is_fresh=is_fresh, as_of=as_of)

    async def dates(
        self, tenant_id: TenantId, period: Period, *, as_of: datetime | None, is_fresh: bool
    ) -> BucketSource:
        """Open the listing of all that a tenant has."""
        if as_of is None:
            (source,) = await self._by_date.open([(tenant_id,)], period, is_fresh=is_fresh)
        else:
            key = (tenant_id, EVERYTHING)
            (source,) = await self._past.open([key], period, is_fresh=is_fresh, as_of=as_of)
        return source
