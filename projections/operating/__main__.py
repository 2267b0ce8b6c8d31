"""Carry out what operators asked for, and end: ``python -m projections.operating``."""

import logging
import sys
from functools import partial

from domain.errors import ScaleHosterError
from infra.keyring import use_keyring
from infra.log_bounds import LogBounds
from infra.logs import configure
from infra.operator_requests import MaintenanceTasks
from infra.settings import load
from infra.view_store import CassandraViewStore
from projections.consistency.checks import ConsistencyChecks
from projections.operating.actions import MaintenanceActions
from projections.operating.carrying_out import TaskRunner
from projections.rebuilding.rebuilds import Rebuilds
from projections.rebuilding.share_process import start_builder, stop_on_signals
from projections.rebuilding.supervising import RebuildSupervisor
from projections.views import definition

log = logging.getLogger("projections.operating")


def main() -> int:
    """Return when nothing is left to do, or on SIGTERM; 1 when a server is not there."""
    stopping = stop_on_signals()
    configure("projections.operating", "info")
    try:
        settings = load()
        configure("projections.operating", settings.log_level)
        use_keyring(settings)
        store = CassandraViewStore.connect(settings.cassandra)
        supervisor = RebuildSupervisor(
            generations=store.generations,
            store=store,
            ends=LogBounds(settings.kafka.connection()).ends,
            definition=definition,
            start=partial(start_builder, settings),
        )
        try:
            with Rebuilds(settings) as rebuilds, ConsistencyChecks(settings) as checks:
                TaskRunner(
                    MaintenanceTasks(store.cql),
                    MaintenanceActions(rebuilds, checks).run_task,
                    supervisor.run,
                ).run(stopping)
        finally:
            store.close()
    except ScaleHosterError:
        log.critical("stopped", exc_info=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
