"""Consistency checks and repairs of live views, on the real servers."""

from pathlib import Path
from typing import Self

from infra.cassandra.generations import CassandraGenerations
from infra.cassandra.session import CassandraSession
from infra.cassandra.table_scan import TableScan
from infra.cassandra.view_store import CassandraViewStore
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.partition_reader import PartitionReader
from infra.settings import CassandraSettings, Settings
from projections.rebuild.catch_up import CatchUp
from projections.rebuild.errors import NoSuchGeneration
from projections.rebuild.rebuilds import REBUILDABLE
from projections.verification.generation_check import PARTS, GenerationCheck
from projections.verification.log_fold import LogFold
from projections.verification.spill import OperationSpill
from read_models.consistency_results import ConsistencyResult, ConsistencyResults
from read_models.installation import definition
from read_models.view import View, ViewGeneration


class ConsistencyChecks:
    """Opens what checking needs; close it, or use it as a context.

    The log is folded through files below the data directory, one sixty-fourth of the rows is in
    memory at a time.
    """

    def __init__(self, settings: Settings) -> None:
        self._kafka = settings.kafka.connection()
        self._bounds = LogBounds(self._kafka)
        self._directory: Path = settings.data_dir / "scratch"
        self._cql = CassandraSession(settings.cassandra, keyspace=settings.cassandra.keyspace)
        self._store = CassandraViewStore(self._cql)
        self._catch_up = CatchUp(store=self._store, ends=self._bounds.ends)
        self._rows = TableScan(self._cql)
        self.results = ConsistencyResults(self._cql)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cql.close()

    def check(self, name: str, *, repairs: bool = False) -> ConsistencyResult:
        """Check the generation of a view that is read, mend its rows if asked, keep the result.

        Raises NoSuchGeneration for a view that cannot be checked, NotCaughtUp when the projections
        do not bring it to the end of the log, StoreUnavailable, BrokerUnavailable, OSError when
        there is no room for the files.
        """
        live = self._live(name)
        view, generation = live.view, live.generation
        starts = dict.fromkeys(range(view.topic.partitions), 0)
        with (
            OperationSpill(view.tables, PARTS, self._directory) as spill,
            PartitionReader(self._kafka, view.topic, starts) as source,
        ):
            fold = LogFold(
                view,
                source=source,
                spill=spill,
                part_of=lambda table, key: self._rows.part_of(table, generation, key, PARTS),
                passed_over=frozenset(
                    (each.partition, each.offset)
                    for each in self._store.parked_records.parked(name, generation)
                    if each.passed_over_because
                ),
            )
            result = GenerationCheck(
                live,
                fold=fold,
                rows=self._rows,
                ends=self._bounds.ends,
                wait_for_offsets=lambda ends: self._catch_up.wait_for_offsets(
                    name, generation, ends
                ),
                store=self._store if repairs else None,
            ).run()
        self.results.keep(result)
        return result

    def _live(self, name: str) -> ViewGeneration:
        view = checkable_view(name)
        actives = self._store.generations.actives()
        for each in CassandraGenerations(self._cql).all():
            if each.view == name and name in actives and each.number == actives[name].number:
                return ViewGeneration(view=definition(name, each.revision), generation=each.number)
        raise NoSuchGeneration(f"there are no tables of {view.name}; run 'scalehoster up'")


def checkable_view(name: str) -> View:
    """Find a view whose topic keeps all that it was made of; raises NoSuchGeneration."""
    for view in REBUILDABLE:
        if view.name == name:
            return view
    raise NoSuchGeneration(
        f"no view {name} can be checked; there are {', '.join(view.name for view in REBUILDABLE)}"
    )


def last_results(settings: CassandraSettings) -> list[ConsistencyResult]:
    """Read the last result of every view that was ever checked, by name.

    Raises StoreUnavailable, ViewsMissing.
    """
    cql = CassandraSession(settings, keyspace=settings.keyspace)
    try:
        return ConsistencyResults(cql).all()
    finally:
        cql.close()
