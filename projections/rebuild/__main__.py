"""Build every generation that is planned: ``python -m projections.rebuild``."""

import logging
import sys

from domain.errors import ScaleHosterError
from infra.cassandra.view_store import CassandraViewStore
from infra.encryption import use_keyring
from infra.logs import configure
from infra.settings import load
from projections.rebuild.builder_process import rebuild_supervisor, stop_on_signals

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
        rebuild_supervisor(settings, store).run(stopping)
    finally:
        store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
