"""Reading the category tree of a tenant as it was at a moment of the past."""

from collections.abc import Iterable, Iterator
from typing import Any

from domain.values import TenantId
from infra.cassandra.session import Row
from read_models.categories_as_of.projection import CATEGORIES_AS_OF
from read_models.keyset import select_all
from read_models.view_reader import ViewReader

_ASPECTS_AS_OF = (
    "SELECT category_id, aspect, value, version FROM categories_as_of$suffix WHERE tenant_id = ?"
    " AND (category_id, aspect) > (?, ?) AND valid_from_us <= ?"
    " GROUP BY category_id, aspect ALLOW FILTERING"  # the first of each group is the latest
)
_ASPECTS = {"slug", "name", "parent_id", "is_archived"}


async def all_categories_as_of(views: ViewReader, tenant_id: TenantId, at_us: int) -> list[Row]:
    """List all categories that a tenant had at a moment, as rows of the view ``categories``."""
    aspects = await select_all(
        views,
        CATEGORIES_AS_OF,
        _ASPECTS_AS_OF,
        lambda last: (
            (tenant_id, last["category_id"], last["aspect"], at_us)
            if last
            else (tenant_id, "", "", at_us)
        ),
    )
    return list(_categories(aspects))


def _categories(aspects: Iterable[Row]) -> Iterator[Row]:
    """Put the aspects of each category together again; one that lacks any cannot be shown."""
    whole: dict[str, dict[str, Any]] = {}
    for row in aspects:
        category_id = row["category_id"]
        known = whole.setdefault(category_id, {"category_id": category_id, "version": 0})
        known[row["aspect"]] = row["value"]
        known["version"] = max(known["version"], row["version"])
    for known in whole.values():
        if known.keys() >= _ASPECTS:
            yield {**known, "is_archived": known["is_archived"] != ""}
