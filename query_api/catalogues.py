"""The category trees of all tenants, each read again after a second, and those of the past."""

from datetime import datetime

from domain.values import TenantId
from query_api.category_tree import CategoryTree, rows_then
from query_api.moments import microseconds
from query_api.queries import Queries
from query_api.reading import Reader
from query_api.recent import Recent

_RECENT_SECONDS = 1.0
_TREES_THEN = 1_000


class Catalogues:
    """Remembers trees; raises StoreUnavailable."""

    def __init__(self, queries: Queries) -> None:
        async def tree(tenant_id: TenantId) -> CategoryTree:
            return CategoryTree(await queries.categories(tenant_id))

        async def tree_then(place: tuple[TenantId, int]) -> CategoryTree:
            return CategoryTree(rows_then(await queries.categories_as_of(*place)))

        self._recent = Recent(tree, for_seconds=_RECENT_SECONDS)
        self._then = Recent(tree_then, for_seconds=_RECENT_SECONDS, at_most=_TREES_THEN)

    async def tree(self, reader: Reader, as_of: datetime | None = None) -> CategoryTree:
        """Give the reader's tree, as recent as they need it, or as it was at a moment."""
        if as_of is not None:
            place = (reader.tenant_id, microseconds(as_of))
            return await self._then.get(place, fresh=reader.is_fresh)
        return await self._recent.get(reader.tenant_id, fresh=reader.is_fresh)
