"""Run the projections: ``python -m projections``."""

import logging
import signal
import sys
from collections.abc import Callable, Sequence
from threading import Event

from prometheus_client import REGISTRY, start_http_server

from domain.errors import ScaleHosterError
from infra.cassandra.view_store import CassandraViewStore
from infra.encryption import use_keyring
from infra.gc_tuning import tune_garbage_collector
from infra.kafka.admin import check_topics
from infra.kafka.group_consumer import GroupConsumer, Partition, StartsOf
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.topics import PROJECTIONS_DEAD_LETTERS, Topic
from infra.logs import configure
from infra.settings import load
from projections.consumer import GROUP, ProjectionConsumer
from projections.dead_letter_producer import DeadLetterProducer
from projections.maintenance.watcher import MaintenanceWatcher
from projections.metrics import ProjectionMetrics
from read_models.installation import ensure_live_generations
from read_models.maintenance_tasks import MaintenanceTasks
from read_models.registry import VIEWS

log = logging.getLogger("projections")


def main() -> int:
    """Follow until SIGTERM; 1 when a server, the topics or the views are not as they must be."""
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    configure("projections", "info")
    try:
        settings = load()
        configure("projections", settings.log_level)
        kafka = settings.kafka.connection()
        check_topics(kafka, {PROJECTIONS_DEAD_LETTERS, *(view.topic for view in VIEWS)})
        use_keyring(settings)
        store = CassandraViewStore.connect(settings.cassandra)
    except ScaleHosterError:
        log.critical("cannot start", exc_info=True)
        return 1

    def open_reader(
        topics: Sequence[Topic], starts_of: StartsOf, on_revoked: Callable[[list[Partition]], None]
    ) -> GroupConsumer:
        return GroupConsumer(kafka, GROUP, topics, starts_of=starts_of, on_revoked=on_revoked)

    try:
        follower = ProjectionConsumer(
            open_reader=open_reader,
            store=store,
            live=lambda: ensure_live_generations(store, lambda topic: LogBounds(kafka).ends(topic)),
            send_dead_letters=DeadLetterProducer(kafka).send_dead_letters,
            metrics=ProjectionMetrics(REGISTRY),
        )
        if settings.metrics_port:
            start_http_server(settings.metrics_port, "127.0.0.1")
        tune_garbage_collector()
        with MaintenanceWatcher(MaintenanceTasks(store.cql).open):
            follower.run(stopping)
    except ScaleHosterError:
        log.critical("stopped", exc_info=True)
        return 1
    finally:
        store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
