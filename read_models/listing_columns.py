"""What listings show of a published asset; the same wherever it is listed."""

from domain.values import CategoryId, Listing
from infra.cassandra.row_operations import ColumnValue

LISTING_PERSONAL: tuple[tuple[str, ColumnValue], ...] = (
    ("title", ""),
    ("alt_text", ""),
    ("thumbhash", ""),
)


def listing_columns(
    listing: Listing, category_ids: tuple[CategoryId, ...]
) -> dict[str, ColumnValue]:
    """Fill all columns, so that a row never depends on what was there before."""
    return {
        "title": listing.title,
        "alt_text": listing.alt_text,
        "media_type": listing.media_type,
        "width": listing.width,
        "height": listing.height,
        "thumbhash": listing.thumbhash,
        "dominant_colour": listing.dominant_colour,
        "thumbnail_sha256": listing.thumbnail_sha256,
        "category_ids": category_ids,
    }
