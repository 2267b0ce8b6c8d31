"""All views, and the admin step that makes their tables."""

from infra.errors import ViewsMissing
from infra.schema import apply_tables
from infra.settings import CassandraSettings
from infra.view_store import CassandraViewStore
from projections.asset_by_id import ASSET_BY_ID
from projections.asset_history import ASSET_HISTORY
from projections.assets_by_category import ASSETS_BY_CATEGORY
from projections.assets_by_content import ASSETS_BY_CONTENT
from projections.assets_by_date import ASSETS_BY_DATE
from projections.categories import CATEGORIES
from projections.commands import COMMANDS
from projections.pending_assets import PENDING_ASSETS
from projections.public_assets import PUBLIC_ASSETS
from projections.view import LiveView, View

VIEWS: tuple[View, ...] = (
    ASSET_BY_ID,
    ASSETS_BY_CATEGORY,
    ASSETS_BY_DATE,
    CATEGORIES,
    ASSET_HISTORY,
    ASSETS_BY_CONTENT,
    PENDING_ASSETS,
    PUBLIC_ASSETS,
    COMMANDS,
)


def apply_views(settings: CassandraSettings) -> None:
    """Make the keyspace and all views' tables that are missing; for the operator, not a service.

    Raises StoreUnavailable.
    """
    apply_tables(settings, {view.name: view.cql for view in VIEWS})


def live_views(store: CassandraViewStore) -> tuple[LiveView, ...]:
    """Give each view at the generation that is read.

    Raises ViewsMissing when a view was never made, StoreUnavailable.
    """
    active = store.active_generations()
    unknown = [view.name for view in VIEWS if view.name not in active]
    if unknown:
        raise ViewsMissing(f"no view {', '.join(unknown)}; run 'scalehoster up'")
    live = tuple(LiveView(view=view, generation=active[view.name]) for view in VIEWS)
    store.require(table.at(each.generation) for each in live for table in each.view.tables)
    return live
