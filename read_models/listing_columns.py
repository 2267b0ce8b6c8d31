"""What listings show of a published asset; the same wherever it is listed."""

from domain.values import CategoryId, Listing
from infra.cassandra.row_operations import ColumnValue

LISTING_PERSONAL: tuple[tuple[str, ColumnValue], ...] = (
    ("title", ""),
    ("alt_text", ""),
    ("thumbhash", ""),
)
_SHOWN = (
    *("title", "alt_text", "media_type", "width", "height"),
    *("thumbhash", "dominant_colour", "thumbnail_sha256"),
)
SELECT_ITEMS = f"SELECT asset_id, created_at_us, {', '.join(_SHOWN)}, category_ids FROM "  # noqa: S608 - names of columns
"""How a statement begins that selects what rows of a listing show."""


def listing_columns(
    listing: Listing, category_ids: tuple[CategoryId, ...]
) -> dict[str, ColumnValue]:
    """Fill all columns, so that a row never depends on what was there before."""
    return {**{name: getattr(listing, name) for name in _SHOWN}, "category_ids": category_ids}
