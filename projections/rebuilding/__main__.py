"""Build every generation that is planned: ``python -m projections.rebuilding``."""

import logging
import multiprocessing
import signal
import sys
from threading import Event, Thread

from domain.errors import ScaleHosterError
from infra.log_bounds import LogBounds
from infra.logs import configure
from infra.reading import Reader
from infra.settings import Settings, load
from infra.view_store import CassandraViewStore
from projections.rebuilding.building import Builder, Share
from projections.rebuilding.supervising import Child, Supervisor
from projections.views import definition

log = logging.getLogger("projections.rebuilding")


def main() -> int:
    """Return when all is built, or on SIGTERM; 1 when a server is not there at the start."""
    stopping = _stopping()
    configure("projections.rebuilding", "info")
    try:
        settings = load()
        configure("projections.rebuilding", settings.log_level)
        store = CassandraViewStore.connect(settings.cassandra)
    except ScaleHosterError:
        log.critical("cannot start", exc_info=True)
        return 1
    processes = multiprocessing.get_context("spawn")

    def start(share: Share) -> Child:
        child = processes.Process(
            target=build, args=(settings, share), name=f"share-{share.number}"
        )
        child.start()
        return child

    try:
        Supervisor(
            generations=store.generations,
            store=store,
            ends=LogBounds(settings.kafka.connection()).ends,
            definition=definition,
            start=start,
        ).run(stopping)
    finally:
        store.close()
    return 0


def build(settings: Settings, share: Share) -> None:
    """Build a share in this process, for as long as the one that started it lives."""
    stopping = _stopping()
    configure("projections.rebuilding", settings.log_level)
    Thread(target=_stop_with_parent, args=(stopping,), daemon=True).start()
    kafka = settings.kafka.connection()
    store = CassandraViewStore.connect(settings.cassandra)
    try:
        Builder(
            share=share,
            generations=store.generations,
            store=store,
            open_source=lambda topic, starts: Reader(kafka, topic, starts),
            bounds=LogBounds(kafka).of,
            definition=definition,
        ).run(stopping)
    finally:
        store.close()


def _stop_with_parent(stopping: Event) -> None:
    """Stop once the process that started this one is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        stopping.set()


def _stopping() -> Event:
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


if __name__ == "__main__":
    sys.exit(main())
