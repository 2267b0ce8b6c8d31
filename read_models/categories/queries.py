"""Reading the category tree of a tenant, archived categories included."""

from domain.category import Catalogue, Category, catalogue_of
from domain.values import CategoryId, CategorySlug, TenantId
from infra.cassandra.session import Row
from read_models.categories.projection import CATEGORIES
from read_models.keyset import select_all
from read_models.view_reader import ViewReader

_CATEGORIES = "SELECT * FROM categories$suffix WHERE tenant_id = ? AND category_id > ?"


async def all_categories(views: ViewReader, tenant_id: TenantId) -> list[Row]:
    """List all categories of a tenant."""
    return await select_all(
        views,
        CATEGORIES,
        _CATEGORIES,
        lambda last: (tenant_id, last["category_id"] if last else ""),
    )


async def read_catalogue(views: ViewReader, tenant_id: TenantId) -> Catalogue:
    """Give the category tree of a tenant as the domain has it."""
    return catalogue_of(map(_category, await all_categories(views, tenant_id)))


def _category(row: Row) -> Category:
    """Read a row; one whose first event is not applied yet has no slug, and no version."""
    return Category(
        category_id=CategoryId(row["category_id"]),
        slug=CategorySlug(row["slug"] or ""),
        name=row["name"] or "",
        parent_id=CategoryId(row["parent_id"]) if row["parent_id"] else None,
        is_archived=bool(row["is_archived"]),
        version=row["version"] or 0,
    )
