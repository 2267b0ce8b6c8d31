"""What listings show of a published asset; the same wherever it is listed."""

from dataclasses import fields

from domain.values import CategoryId, Listing
from infra.cassandra.row_operations import ColumnValue
from read_models.description_columns import PERSONAL_DESCRIPTION

_SHOWN = tuple(field.name for field in fields(Listing) if field.name != "created_at")
LISTING_PERSONAL: tuple[tuple[str, ColumnValue], ...] = (
    *((name, blank) for name, blank in PERSONAL_DESCRIPTION if name in _SHOWN),
    ("thumbhash", ""),
)
SELECT_ITEMS = f"SELECT asset_id, created_at_us, {', '.join(_SHOWN)}, category_ids FROM "  # noqa: S608 - names of columns
"""How a statement begins that selects what rows of a listing show."""


def listing_columns(
    listing: Listing, category_ids: tuple[CategoryId, ...]
) -> dict[str, ColumnValue]:
    """Fill all columns, so that a row never depends on what was there before."""
    return {**{name: getattr(listing, name) for name in _SHOWN}, "category_ids": category_ids}
