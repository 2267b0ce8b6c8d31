"""Rebuilds as an operator sees them, on the real servers."""

from typing import Self

from infra.cassandra.schema import drop_tables, make_tables
from infra.cassandra.session import CassandraSession
from infra.cassandra.table_scan import TableScan
from infra.cassandra.view_store import CassandraViewStore
from infra.kafka.offsets.log_bounds import LogBounds
from infra.settings import Settings
from projections.rebuild.catch_up import CatchUp
from projections.rebuild.comparison import ComparisonReport, compare_generations
from projections.rebuild.errors import NoSuchGeneration
from projections.rebuild.generation_switch import GenerationSwitcher
from projections.rebuild.planner import RebuildPlanner
from read_models.generation_status import GenerationStatus, generation_status
from read_models.installation import definition
from read_models.registry import VIEWS
from read_models.view import View, ViewGeneration

REBUILDABLE: tuple[View, ...] = tuple(view for view in VIEWS if view.topic.is_kept_forever)


class Rebuilds:
    """Opens what rebuilding needs; close it, or use it as a context.

    ``planner`` begins and ends rebuilds, ``switcher`` has other generations read.
    """

    def __init__(self, settings: Settings) -> None:
        self._cql = CassandraSession(settings.cassandra, keyspace=settings.cassandra.keyspace)
        self._store = CassandraViewStore(self._cql)
        self._ends = LogBounds(settings.kafka.connection()).ends
        tables = ViewTables(self._cql)
        generations = self._store.generations
        self._catch_up = CatchUp(store=self._store, ends=self._ends)
        self.planner = RebuildPlanner(
            generations=generations,
            tables=tables,
            ends=self._ends,
            parked_records=self._store.parked_records,
        )
        self.switcher = GenerationSwitcher(
            generations=generations, feeding=self._catch_up, tables=tables, definition=definition
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cql.close()

    def statuses(self, view: str = "") -> list[GenerationStatus]:
        """Show every generation that was not dropped, of one view or of all."""
        actives = self._store.generations.actives()
        return [
            generation_status(
                each,
                self._store.generations.targets(each.view, each.number),
                self._store.checkpoints(each.view, each.number),
                is_read=actives[each.view].number == each.number,
            )
            for each in self._store.generations.all()
            if each.state != "dropped" and view in ("", each.view)
        ]

    def compare(self, view: str) -> ComparisonReport:
        """Compare what is read with the newest other generation, and keep what it came to.

        Raises NoSuchGeneration, NotCaughtUp.
        """
        before, after = (
            ViewGeneration(view=definition(each.view, each.revision), generation=each.number)
            for each in self.switcher.active_and_rebuilt(view)
        )
        report = compare_generations(
            before, after, rows=TableScan(self._cql), feeding=self._catch_up
        )
        self._store.generations.note(view, after.generation, report.comparison)
        return report


class ViewTables:
    """Makes and drops tables in Cassandra."""

    def __init__(self, cql: CassandraSession) -> None:
        self._cql = cql

    def make(self, view: View, generation: int) -> None:
        """Make the tables of a generation that are missing."""
        make_tables(self._cql, view.cql(generation))

    def drop(self, view: View, generation: int) -> None:
        """Drop those that are there."""
        drop_tables(self._cql, (table.at(generation) for table in view.tables))


def view_named(name: str) -> View:
    """Find the definition that a rebuild would use; raises NoSuchGeneration."""
    for view in VIEWS:
        if view.name == name:
            return view
    raise NoSuchGeneration(f"no view {name}; there are {', '.join(v.name for v in REBUILDABLE)}")
