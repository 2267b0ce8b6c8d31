"""Listing all published assets of a tenant, by day."""

from read_models.assets_by_date.projection import ASSETS_BY_DATE
from read_models.bucketed_listing import WITHIN, BucketedView
from read_models.listing_columns import SELECT_ITEMS
from read_models.view_reader import ViewReader

_DAYS = "SELECT day FROM date_buckets$suffix WHERE tenant_id = ?"
_ASSETS = f"{SELECT_ITEMS}assets_by_date$suffix WHERE tenant_id = ? AND day = ?{WITHIN}"


def listings_by_date(views: ViewReader) -> BucketedView:
    """Read the listings of all that a tenant has, each by tenant."""
    return BucketedView(views, ASSETS_BY_DATE, buckets=_DAYS, rows=_ASSETS)
