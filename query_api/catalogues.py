"""The category trees of all tenants, each read again after a second."""

from domain.values import TenantId
from query_api.category_tree import CategoryTree
from query_api.queries import Queries
from query_api.reading import Reader
from query_api.recent import Recent

_RECENT_SECONDS = 1.0


class Catalogues:
    """Remembers trees; raises StoreUnavailable."""

    def __init__(self, queries: Queries) -> None:
        async def tree(tenant_id: TenantId) -> CategoryTree:
            return CategoryTree(await queries.categories(tenant_id))

        self._recent = Recent(tree, for_seconds=_RECENT_SECONDS)

    async def tree(self, reader: Reader) -> CategoryTree:
        """Give the reader's tree, as recent as they need it."""
        return await self._recent.get(reader.tenant_id, fresh=reader.is_fresh)
