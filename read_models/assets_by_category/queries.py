"""Listing the published assets of a category, by month."""

from read_models.assets_by_category.projection import ASSETS_BY_CATEGORY
from read_models.bucketed_listing import WITHIN, BucketedView
from read_models.listing_columns import SELECT_ITEMS
from read_models.view_reader import ViewReader

_MONTHS = "SELECT bucket FROM category_buckets$suffix WHERE tenant_id = ? AND category_id = ?"
_ASSETS = (
    f"{SELECT_ITEMS}assets_by_category$suffix"
    f" WHERE tenant_id = ? AND category_id = ? AND bucket = ?{WITHIN}"
)


def listings_by_category(views: ViewReader) -> BucketedView:
    """Read the listings of categories, each by tenant and category id."""
    return BucketedView(views, ASSETS_BY_CATEGORY, buckets=_MONTHS, rows=_ASSETS)
