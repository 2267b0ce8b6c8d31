"""A log of as many events as one likes, and the bare writer of the rows that they come to."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from uuid import uuid4

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.concurrent import execute_concurrent
from cassandra.policies import WhiteListRoundRobinPolicy
from cassandra.query import BatchStatement, BatchType

from avro_schemas.encryption import use_encryptor
from bench.servers import bench_servers
from domain.asset.events import AssetEvent
from domain.category.events import CatalogueEvent
from infra.cassandra.column_encryption import encrypted_operation
from infra.cassandra.row_operations import RowOperation, Upsert, collapse_operations
from infra.encryption import installation_keyring
from infra.kafka.client import Kafka
from infra.settings import CassandraSettings, load
from projections.rebuild.rebuilds import REBUILDABLE
from read_models.installation import apply_views
from tests.support.long_histories import Appender, categories_of, picture
from tests.support.samples import ACME

EVENTS_EACH = 10
_EVENTS_A_TRANSACTION = 5_000
_CHUNK = 10_000  # as many events as a rebuild folds before it writes
_ROWS_A_BATCH, _AT_ONCE = 100, 32  # with 100 at once the driver calls its socket overloaded
_PATIENCE_SECONDS = 120
_WARM_UPS, _WARMING_PICTURES = 3, 2_000
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def catalogue_events() -> list[CatalogueEvent]:
    """Give the events of the categories."""
    return categories_of(ACME, _BEGAN)[0]


def picture_events(pictures: range) -> Iterator[AssetEvent]:
    """Give nine or ten events a picture, a minute between two pictures."""
    catalogue = categories_of(ACME, _BEGAN)[1]
    for number in pictures:
        now = _BEGAN + timedelta(minutes=number)
        yield from picture(ACME, number, catalogue, now, events=EVENTS_EACH)


def append_all(kafka: Kafka, pictures: int) -> int:
    """Append the events of so many pictures as the decider does; give their number."""
    appender, count = Appender(kafka), 0
    appender.append(catalogue_events())
    for some in _chunks(picture_events(range(pictures)), _EVENTS_A_TRANSACTION):
        appender.append(some)
        count += len(some)
    return count


@contextmanager
def bench_keyspace() -> Iterator[CassandraSettings]:
    """Give one measurement tables of its own; dropped after it."""
    servers = bench_servers()
    settings = CassandraSettings(
        host=servers.cassandra_host,
        port=servers.cassandra_port,
        keyspace=f"b{uuid4().hex[:8]}",
    )
    apply_views(settings)
    yield settings
    session = _session(settings)
    session.execute(f"DROP KEYSPACE {settings.keyspace}")
    session.cluster.shutdown()


def written_bare(pictures: int, *, processes: int) -> float:
    """Write the rows of so many pictures with the driver alone, from memory; give the seconds.

    The rows are made and folded beforehand, and each chunk's rows go out in one batch a partition.
    """
    spawn = get_context("spawn")
    ready, took = spawn.Barrier(processes + 1), spawn.Queue()
    with bench_keyspace() as settings:
        shares = [range(number, pictures, processes) for number in range(processes)]
        writers = [
            spawn.Process(target=_write_share, args=(settings, share, ready, took))
            for share in shares
        ]
        for writer in writers:
            writer.start()
        ready.wait(_PATIENCE_SECONDS)  # a writer that failed never comes
        seconds: float = max(took.get() for _ in writers)
        for writer in writers:
            writer.join()
    return seconds


def warm_up() -> None:
    """Write for a while unmeasured: the JVM compiles as it goes, and the first side would pay."""
    for _ in range(_WARM_UPS):
        written_bare(_WARMING_PICTURES, processes=2)


def _write_share(
    settings: CassandraSettings, pictures: range, ready: Barrier, took: "Queue[float]"
) -> None:
    use_encryptor(
        installation_keyring(load())
    )  # whoever began this has told its children where it is
    session = _session(settings)
    chunks = [_operations(some) for some in _chunks(picture_events(pictures), _CHUNK)]
    prepared = {
        text: session.prepare(text, keyspace=settings.keyspace)
        for text in {_statement(operation) for chunk in chunks for operation in chunk}
    }
    ready.wait()
    began = time.perf_counter()
    for chunk in chunks:
        batches: dict[tuple[object, ...], BatchStatement] = {}
        full: list[BatchStatement] = []
        for operation in chunk:
            place = (operation.table.name, *operation.key[: len(operation.table.partition_key)])
            batch = batches.setdefault(place, BatchStatement(BatchType.UNLOGGED))
            batch.add(prepared[_statement(operation)].bind(_values(operation)))
            if len(batch) == _ROWS_A_BATCH:
                full.append(batches.pop(place))
        statements = ((batch, None) for batch in chain(full, batches.values()))
        execute_concurrent(session, statements, concurrency=_AT_ONCE, raise_on_first_error=True)
    took.put(time.perf_counter() - began)
    session.cluster.shutdown()


def _operations(events: list[AssetEvent]) -> list[RowOperation]:
    return [
        encrypted_operation(operation)
        for view in REBUILDABLE
        for operation in collapse_operations(chain.from_iterable(map(view.rows, events)))
    ]


def _statement(operation: RowOperation) -> str:
    table, key = operation.table.at(1), operation.table.key
    if isinstance(operation, Upsert):
        names = (*key, *operation.columns)
        marks = ", ".join("?" * len(names))
        return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) USING TIMESTAMP ?"  # noqa: S608 - names are ours
    places = " AND ".join(f"{column} = ?" for column in key)
    return f"DELETE FROM {table} USING TIMESTAMP ? WHERE {places}"  # noqa: S608 - names are ours


def _values(operation: RowOperation) -> tuple[object, ...]:
    if isinstance(operation, Upsert):
        return (*operation.key, *operation.columns.values(), operation.written_at_us)
    return (operation.written_at_us, *operation.key)


def _session(settings: CassandraSettings) -> Session:
    profile = ExecutionProfile(
        load_balancing_policy=WhiteListRoundRobinPolicy([settings.host]), request_timeout=120
    )
    profiles = {EXEC_PROFILE_DEFAULT: profile}
    cluster = Cluster(
        [settings.host], port=settings.port, protocol_version=5, execution_profiles=profiles
    )
    return cluster.connect()


def _chunks(events: Iterator[AssetEvent], size: int) -> Iterator[list[AssetEvent]]:
    while some := list(islice(events, size)):
        yield some
