"""Tables of views: made by the admin step, and found again by the processes that fill them."""

import logging
import time
from collections.abc import Iterable
from importlib.resources import files

from infra.cassandra.schema import apply_keyspace, make_tables
from infra.cassandra.session import CassandraSession
from infra.cassandra.view_store import STATE_TABLES, CassandraViewStore
from infra.errors import StoreUnavailable, ViewsMissing
from infra.settings import CassandraSettings
from read_models.bootstrap import LogEnds, bootstrap_views
from read_models.errors import DefinitionMissing
from read_models.registry import FORMER, VIEWS
from read_models.view import View, ViewGeneration

MAINTENANCE_TABLES = ("consistency_results", "operator_requests")

_ATTEMPTS = 3
_PAUSE_SECONDS = 1.0

log = logging.getLogger(__name__)


def definition(name: str, revision: int, known: Iterable[View] = (*VIEWS, *FORMER)) -> View:
    """Find the definition that a generation is built by; raises DefinitionMissing."""
    for view in known:
        if (view.name, view.revision) == (name, revision):
            return view
    raise DefinitionMissing(
        f"a generation of {name} is built by revision {revision}, which is not in"
        " read_models/registry.py; keep it in FORMER until that generation is dropped"
    )


def apply_views(settings: CassandraSettings, ends: LogEnds = lambda _: {}) -> None:
    """Make the keyspace and all views' tables that are missing; for the operator, not a service.

    ``ends`` tells where the log ends: so far a view that is begun anew is not there for readers.
    A store that is slow to make tables is asked again: all of it may be repeated. Raises
    StoreUnavailable, and what ``ends`` raises.
    """
    for left in reversed(range(_ATTEMPTS)):
        try:
            _apply(settings, ends)
        except StoreUnavailable as error:
            if not left:
                raise
            log.warning("making tables once more: %s", error)
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _apply(settings: CassandraSettings, ends: LogEnds) -> None:
    apply_keyspace(settings)
    cql = CassandraSession(settings, keyspace=settings.keyspace)
    try:
        make_tables(cql, files("read_models").joinpath("maintenance.cql").read_text("utf-8"))
        store = CassandraViewStore(cql)
        bootstrap_views(VIEWS, store.generations, store.tables(), ends)
        for each in store.generations.all():
            if each.state == "following":
                make_tables(cql, definition(each.view, each.revision).cql(each.number))
    finally:
        cql.close()


def built_views(settings: CassandraSettings) -> list[str]:
    """Name every view that has applied something of a log; none where no table was made.

    Raises StoreUnavailable.
    """
    try:
        store = CassandraViewStore.connect(settings)
    except ViewsMissing:
        return []
    try:
        return sorted(
            {
                each.view
                for each in store.generations.all()
                if any(kept.applied_offset for kept in store.checkpoints(each.view, each.number))
            }
        )
    except ViewsMissing:
        return []
    finally:
        store.close()


def live_generations(store: CassandraViewStore) -> tuple[ViewGeneration, ...]:
    """Give every generation that follows the log: those that are read, and those that may be.

    Raises ViewsMissing when a view was never made, DefinitionMissing, StoreUnavailable.
    """
    store.require(MAINTENANCE_TABLES)
    active = {name: each.number for name, each in store.generations.actives().items()}
    generations = store.generations.all()
    there = {(each.view, each.number) for each in generations}
    unknown = [view.name for view in VIEWS if (view.name, active.get(view.name)) not in there]
    if unknown:
        raise ViewsMissing(f"no view {', '.join(unknown)}; run 'scalehoster up'")
    live = tuple(
        ViewGeneration(view=definition(each.view, each.revision), generation=each.number)
        for each in generations
        if each.state == "following"
    )
    store.require(table.at(each.generation) for each in live for table in each.view.tables)
    return live


def ensure_live_generations(store: CassandraViewStore, ends: LogEnds) -> tuple[ViewGeneration, ...]:
    """Give every generation that follows the log; begin those of a store that lost all its rows.

    Raises ViewsMissing when a table is gone, DefinitionMissing, StoreUnavailable,
    BrokerUnavailable.
    """
    try:
        return live_generations(store)
    except ViewsMissing:
        tables = store.tables()
        if not tables.issuperset((*STATE_TABLES, *MAINTENANCE_TABLES)):
            raise
        for view in bootstrap_views(VIEWS, store.generations, tables, ends):
            log.warning("no generation of %s was known any more; it is filled anew", view.name)
        return live_generations(store)
