"""Carry out what operators asked for, and end: ``python -m projections.maintenance``."""

import logging
import sys
from functools import partial

from domain.errors import ScaleHosterError
from infra.cassandra.view_store import CassandraViewStore
from infra.encryption import use_keyring
from infra.kafka.offsets.log_bounds import LogBounds
from infra.logs import configure
from infra.settings import load
from projections.maintenance.actions import MaintenanceActions
from projections.maintenance.task_runner import TaskRunner
from projections.rebuild.builder_process import start_builder, stop_on_signals
from projections.rebuild.rebuilds import Rebuilds
from projections.rebuild.supervisor import RebuildSupervisor
from projections.verification.consistency_checks import ConsistencyChecks
from read_models.installation import definition
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
