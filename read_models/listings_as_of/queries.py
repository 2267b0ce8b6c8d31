"""Listing the assets of a category or of a tenant as they were at a moment of the past."""

from read_models.bucketed_listing import WITHIN, BucketedView
from read_models.listing_columns import SELECT_ITEMS
from read_models.listings_as_of.projection import LISTINGS_AS_OF
from read_models.view_reader import ViewReader

_BUCKETS = "SELECT bucket FROM listing_buckets_as_of$suffix WHERE tenant_id = ? AND shelf = ?"
_ASSETS = (
    f"{SELECT_ITEMS}listings_as_of$suffix"
    f" WHERE tenant_id = ? AND shelf = ? AND bucket = ?{WITHIN}"
    " AND valid_from_us <= ? AND valid_to_us > ?"
)


def listings_of_the_past(views: ViewReader) -> BucketedView:
    """Read former listings, each by tenant and category id, or by tenant and EVERYTHING."""
    return BucketedView(views, LISTINGS_AS_OF, buckets=_BUCKETS, rows=_ASSETS, filters=True)
