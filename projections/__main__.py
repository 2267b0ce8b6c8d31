"""Run the projections: ``python -m projections``."""

import logging
import signal
import sys
from collections.abc import Callable, Sequence
from threading import Event

from prometheus_client import REGISTRY, start_http_server

from domain.errors import ScaleHosterError
from infra.collecting import tune_garbage_collector
from infra.group_reading import GroupConsumer, Partition, StartsOf
from infra.keyring import use_keyring
from infra.log_bounds import LogBounds
from infra.logs import configure
from infra.operator_requests import MaintenanceTasks
from infra.settings import load
from infra.topic_admin import check_topics
from infra.topics import PROJECTIONS_DEAD_LETTERS, Topic
from infra.view_store import CassandraViewStore
from projections.attending import MaintenanceWatcher
from projections.dead_letters import DeadLetterProducer
from projections.following import GROUP, ProjectionConsumer
from projections.metrics import ProjectionMetrics
from projections.views import VIEWS, ensure_live_generations

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
