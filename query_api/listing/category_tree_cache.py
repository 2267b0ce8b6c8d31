"""The category trees of all tenants, each read again after a second, and those of the past."""

from datetime import datetime

from domain.values import TenantId
from infra.http.tenant_slots import TenantSlots
from query_api.listing.category_tree import CategoryTree
from query_api.read_context import ReadContext
from read_models.categories.queries import all_categories
from read_models.categories_as_of.queries import all_categories_as_of
from read_models.single_flight_cache import SingleFlightCache
from read_models.time import microseconds
from read_models.view_reader import ViewReader

_RECENT_SECONDS = 1.0
_MOST_CATEGORIES = 100_000  # in memory, about a kilobyte each
_MOST_CATEGORIES_THEN = 50_000
_READS_AT_ONCE = 4
_MOST_WAITING = 256
_LONGEST_WAIT_SECONDS = 10.0


class CategoryTreeCache:
    """Remembers trees; raises StoreUnavailable, and Overloaded when too many are asked for.

    What is remembered is bounded by the categories in it: a tenant may have thousands, and may ask
    for the tree of any moment. Four trees are read at once, at most two of one tenant.
    """

    def __init__(self, views: ViewReader) -> None:
        places = TenantSlots(
            _READS_AT_ONCE,
            "reads of category trees",
            wait_seconds=_LONGEST_WAIT_SECONDS,
            most_waiting=_MOST_WAITING,
        )

        async def tree(tenant_id: TenantId) -> CategoryTree:
            async with places.wait_for_slot(tenant_id):
                return CategoryTree(await all_categories(views, tenant_id))

        async def tree_then(place: tuple[TenantId, int]) -> CategoryTree:
            async with places.wait_for_slot(place[0]):
                return CategoryTree(await all_categories_as_of(views, *place))

        self._recent = SingleFlightCache(
            tree,
            ttl_seconds=_RECENT_SECONDS,
            one_at_a_time=True,
            weight_of=_weight,
            at_most=_MOST_CATEGORIES,
        )
        self._then = SingleFlightCache(
            tree_then,
            ttl_seconds=_RECENT_SECONDS,
            one_at_a_time=True,
            weight_of=_weight,
            at_most=_MOST_CATEGORIES_THEN,
        )

    async def tree(self, context: ReadContext, as_of: datetime | None = None) -> CategoryTree:
        """Give the reader's tree, as recent as they need it, or as it was at a moment."""
        if as_of is not None:
            place = (context.tenant_id, microseconds(as_of))
            return await self._then.get(place, fresh=context.is_fresh)
        return await self._recent.get(context.tenant_id, fresh=context.is_fresh)


def _weight(tree: CategoryTree) -> int:
    return 1 + len(tree)
