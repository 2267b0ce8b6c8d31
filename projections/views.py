"""All views, and the admin step that makes their tables."""

from collections.abc import Iterable
from datetime import UTC, datetime

from infra.cql import Cql
from infra.errors import ViewsMissing
from infra.generations import CassandraGenerations, Generation
from infra.schema import apply_keyspace, make_tables
from infra.settings import CassandraSettings
from infra.view_store import CassandraViewStore
from projections.asset_by_id import ASSET_BY_ID
from projections.asset_history import ASSET_HISTORY
from projections.assets_by_category import ASSETS_BY_CATEGORY
from projections.assets_by_content import ASSETS_BY_CONTENT
from projections.assets_by_date import ASSETS_BY_DATE
from projections.assets_by_shard import ASSETS_BY_SHARD
from projections.categories import CATEGORIES
from projections.commands import COMMANDS
from projections.errors import DefinitionMissing
from projections.operation_items import OPERATION_ITEMS
from projections.operations import OPERATIONS
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
    ASSETS_BY_SHARD,
    OPERATIONS,
    OPERATION_ITEMS,
    COMMANDS,
)


FORMER: tuple[View, ...] = ()  # definitions that a generation may still be built by


def definition(name: str, revision: int, known: Iterable[View] = (*VIEWS, *FORMER)) -> View:
    """Find the definition that a generation is built by; raises DefinitionMissing."""
    for view in known:
        if (view.name, view.revision) == (name, revision):
            return view
    raise DefinitionMissing(
        f"a generation of {name} is built by revision {revision}, which is not in"
        " projections/views.py; keep it in FORMER until that generation is dropped"
    )


def apply_views(settings: CassandraSettings) -> None:
    """Make the keyspace and all views' tables that are missing; for the operator, not a service.

    Raises StoreUnavailable.
    """
    apply_keyspace(settings)
    cql = Cql(settings, keyspace=settings.keyspace)
    try:
        generations = CassandraGenerations(cql)
        for view in VIEWS:
            generations.add(
                Generation(
                    view=view.name,
                    number=generations.begin(view.name),
                    revision=view.revision,
                    state="following",
                    started_at=datetime.now(UTC),
                )
            )
        for each in generations.all():
            if each.state == "following":
                make_tables(cql, definition(each.view, each.revision).cql(each.number))
    finally:
        cql.close()


def live_views(store: CassandraViewStore) -> tuple[LiveView, ...]:
    """Give every generation that follows the log: those that are read, and those that may be.

    Raises ViewsMissing when a view was never made, DefinitionMissing, StoreUnavailable.
    """
    active = store.active_generations()
    unknown = [view.name for view in VIEWS if view.name not in active]
    if unknown:
        raise ViewsMissing(f"no view {', '.join(unknown)}; run 'scalehoster up'")
    live = tuple(
        LiveView(view=definition(each.view, each.revision), generation=each.number)
        for each in store.generations.all()
        if each.state == "following"
    )
    store.require(table.at(each.generation) for each in live for table in each.view.tables)
    return live
