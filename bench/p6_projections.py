"""P6: the projections, live: how fast they take in a log, and how soon an event is seen.

The rate is one projections process feeding every view from the log, against the bare driver
writing the same rows from memory in one process. The delay runs from the moment an event's
transaction is committed to the moment its row in asset_by_id shows it, at 200 events a second.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from threading import Event, Thread

from bench.long_log import append_all, bench_keyspace, picture_events, warm_up, written_bare
from bench.p7_rebuild import environment
from bench.reporting import report
from bench.servers import bench_kafka
from domain.asset.events import AssetEvent
from infra.cassandra.session import CassandraSession
from infra.cassandra.view_store import CassandraViewStore
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.topics import ASSET_EVENTS
from infra.settings import CassandraSettings
from projections.rebuild.rebuilds import REBUILDABLE
from tests.support.long_histories import Appender

_EVENTS_PER_SECOND = 200
_LOOK_SECONDS = 0.002
_PATIENCE_SECONDS = 600.0


@contextmanager
def projecting(kafka: Kafka, settings: CassandraSettings) -> Iterator[None]:
    """Run the projections as a service of its own."""
    service = subprocess.Popen(
        [sys.executable, "-m", "projections"],
        env=environment(kafka, settings),
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        service.terminate()
        service.wait()


def taken_in_per_second(kafka: Kafka, settings: CassandraSettings, events: int) -> float:
    """Let the projections take in the whole log; give the rate from their first batch on."""
    store = CassandraViewStore.connect(settings)
    with projecting(kafka, settings):
        began = first = 0.0
        while (applied := _applied(store)) < events:
            if applied and not began:
                began, first = time.perf_counter(), applied
            time.sleep(0.05)
        took = time.perf_counter() - began
    store.close()
    return (events - first) / took


def _applied(store: CassandraViewStore) -> int:
    """Count the events that every view has taken in."""
    counts = [
        sum(each.event_count for each in store.checkpoints(view.name, 1))
        for view in REBUILDABLE
        if view.topic == ASSET_EVENTS
    ]
    return min(counts)


def delays_ms(kafka: Kafka, settings: CassandraSettings, seconds: int) -> list[float]:
    """Append events at a steady pace; give how long the sampled ones took to be seen."""
    appended: list[tuple[AssetEvent, float]] = []
    stopping = Event()
    writer = Thread(target=_append_steadily, args=(kafka, appended, stopping))
    delays: list[float] = []
    cql = CassandraSession(settings, keyspace=settings.keyspace)
    with projecting(kafka, settings):
        writer.start()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not appended or not _is_seen(cql, appended[0][0]):  # the service has started
            assert time.monotonic() < deadline
            time.sleep(0.05)
        ends_at = time.perf_counter() + seconds
        while time.perf_counter() < ends_at:
            event, committed_at = appended[-1]
            while not _is_seen(cql, event):
                time.sleep(_LOOK_SECONDS)
            delays.append((time.perf_counter() - committed_at) * 1_000)
        stopping.set()
        writer.join()
    cql.close()
    return delays


def _append_steadily(
    kafka: Kafka, appended: list[tuple[AssetEvent, float]], stopping: Event
) -> None:
    appender = Appender(kafka, "steady")
    next_at = time.perf_counter()
    for event in picture_events(range(1_000_000, 2_000_000)):
        appender.append([event])
        appended.append((event, time.perf_counter()))
        next_at += 1 / _EVENTS_PER_SECOND
        if stopping.wait(max(0.0, next_at - time.perf_counter())):
            return


def _is_seen(cql: CassandraSession, event: AssetEvent) -> bool:
    rows = cql.execute(
        "SELECT version FROM asset_by_id_g1 WHERE tenant_id = ? AND asset_id = ?",
        [event.metadata.tenant_id, event.metadata.entity_id],
    )
    return bool(rows) and rows[0]["version"] >= event.metadata.entity_version


def measure(*, quick: bool) -> None:
    pictures, rounds, seconds = (1_000, 1, 10) if quick else (5_000, 3, 60)
    ours: list[float] = []
    bare: list[float] = []
    with bench_kafka() as kafka:
        apply_topics(kafka)
        events = append_all(kafka, pictures)
        warm_up()
        for _ in range(rounds):
            with bench_keyspace() as settings:
                ours.append(taken_in_per_second(kafka, settings, events))
            bare.append(events / written_bare(pictures, processes=1))
    report(
        "P6",
        f"every view fed at {median(ours):,.0f} events/s, bare driver {median(bare):,.0f}/s",
        ratio=median(mine / theirs for mine, theirs in zip(ours, bare, strict=True)),
        target=0.7,
        figures={"ours": ours, "bare": bare, "events": events},
    )
    with bench_kafka() as kafka, bench_keyspace() as settings:
        apply_topics(kafka)
        delays = delays_ms(kafka, settings, seconds)
    p99 = quantiles(delays, n=100)[-1]
    report(
        "P6 p99",
        f"an event is seen after {median(delays):.0f} ms, 99 of 100 within {p99:.0f} ms;"
        f" 500 ms allowed ({len(delays)} sampled of {_EVENTS_PER_SECOND}/s)",
        ratio=500 / p99,
        target=1.0,
        figures={"delays_ms": delays},
    )
