"""Carry out what operators asked for, and end: ``python -m projections.maintenance``."""

import logging
import sys

from domain.errors import ScaleHosterError
from infra.cassandra.view_store import CassandraViewStore
from infra.encryption import use_keyring
from infra.logs import configure
from infra.settings import load
from projections.maintenance.actions import MaintenanceActions
from projections.maintenance.task_runner import TaskRunner
from projections.rebuild.builder_process import rebuild_supervisor, stop_on_signals
from projections.rebuild.rebuilds import Rebuilds
from projections.verification.consistency_checks import ConsistencyChecks
from read_models.maintenance_tasks import MaintenanceTasks

log = logging.getLogger("projections.maintenance")


def main() -> int:
    """Return when nothing is left to do, or on SIGTERM; 1 when a server is not there."""
    stopping = stop_on_signals()
    configure("projections.maintenance", "info")
    try:
        settings = load()
        configure("projections.maintenance", settings.log_level)
        use_keyring(settings)
        store = CassandraViewStore.connect(settings.cassandra)
        try:
            with Rebuilds(settings) as rebuilds, ConsistencyChecks(settings) as checks:
                TaskRunner(
                    MaintenanceTasks(store.cql),
                    MaintenanceActions(rebuilds, checks).run_task,
                    rebuild_supervisor(settings, store).run,
                ).run(stopping)
        finally:
            store.close()
    except ScaleHosterError:
        log.critical("stopped", exc_info=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
