"""Build every generation that is planned: ``python -m projections.rebuilding``."""

import logging
import sys
from functools import partial

from domain.errors import ScaleHosterError
from infra.keyring import use_keyring
from infra.log_bounds import LogBounds
from infra.logs import configure
from infra.settings import load
from infra.view_store import CassandraViewStore
from projections.rebuilding.share_process import start_builder, stop_on_signals
from projections.rebuilding.supervising import RebuildSupervisor
from projections.views import definition

log = logging.getLogger("projections.rebuilding")


def main() -> int:
    """Return when all is built, or on SIGTERM; 1 when a server is not there at the start."""
    stopping = stop_on_signals()
    configure("projections.rebuilding", "info")
    try:
        settings = load()
        configure("projections.rebuilding", settings.log_level)
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
