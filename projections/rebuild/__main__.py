"""Build every generation that is planned: ``python -m projections.rebuild``."""

import logging
import sys
from functools import partial

from domain.errors import ScaleHosterError
from infra.cassandra.view_store import CassandraViewStore
from infra.encryption import use_keyring
from infra.kafka.offsets.log_bounds import LogBounds
from infra.logs import configure
from infra.settings import load
from projections.rebuild.builder_process import start_builder, stop_on_signals
from projections.rebuild.supervisor import RebuildSupervisor
from read_models.installation import definition

log = logging.getLogger("projections.rebuild")


def main() -> int:
    """Return when all is built, or on SIGTERM; 1 when a server is not there at the start."""
    stopping = stop_on_signals()
    configure("projections.rebuild", "info")
    try:
        settings = load()
        configure("projections.rebuild", settings.log_level)
        use_keyring(settings)
        store = CassandraViewStore.connect(settings.cassandra)
    except ScaleHosterError:
        log.critical("cannot start", exc_info=True)
        return 1
    try:
        RebuildSupervisor(
            generations=store.generations,
            store=store,
            ends=LogBounds(settings.kafka.connection()).ends,
            definition=definition,
            start=partial(start_builder, settings),
        ).run(stopping)
    finally:
        store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
