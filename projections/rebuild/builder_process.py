"""The process of one builder: Python decodes on one core only."""

import multiprocessing
import signal
from functools import partial
from threading import Event, Thread

from infra.cassandra.view_store import CassandraViewStore
from infra.encryption import use_keyring
from infra.gc_tuning import tune_garbage_collector
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.partition_reader import PartitionReader
from infra.logs import configure
from infra.settings import Settings
from projections.rebuild.builder import GenerationBuilder, PartitionSubset
from projections.rebuild.supervisor import BuilderProcess, RebuildSupervisor
from read_models.installation import definition


def rebuild_supervisor(settings: Settings, store: CassandraViewStore) -> RebuildSupervisor:
    """Make a supervisor whose builders are processes."""
    return RebuildSupervisor(
        generations=store.generations,
        store=store,
        ends=LogBounds(settings.kafka.connection()).ends,
        definition=definition,
        start=partial(_start_builder, settings),
    )


def _start_builder(settings: Settings, subset: PartitionSubset) -> BuilderProcess:
    """Begin to build a subset; it ends by itself, at the latest with the process that began it."""
    child = multiprocessing.get_context("spawn").Process(target=_build, args=(settings, subset))
    child.start()
    return child


def stop_on_signals() -> Event:
    """Return an event that SIGTERM and SIGINT set."""
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _build(settings: Settings, subset: PartitionSubset) -> None:
    stopping = stop_on_signals()
    configure("projections.rebuild", settings.log_level)
    use_keyring(settings)
    Thread(target=_stop_with_parent, args=(stopping,), daemon=True).start()
    kafka = settings.kafka.connection()
    store = CassandraViewStore.connect(settings.cassandra)
    tune_garbage_collector()
    try:
        GenerationBuilder(
            subset=subset,
            generations=store.generations,
            store=store,
            open_source=lambda topic, starts: PartitionReader(kafka, topic, starts),
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
