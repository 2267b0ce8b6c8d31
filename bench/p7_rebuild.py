"""P7: rebuilding every view from the log, against the bare driver writing the same rows.

Ours reads, decodes, folds, writes and checkpoints, in two processes, as ``scalehoster rebuild
start --all --processes 2`` does it; the bare side writes from memory, in two processes as well.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bench.long_log import append_all, bench_keyspace, warm_up, written_bare
from bench.reporting import report
from bench.servers import bench_kafka
from infra.cassandra.session import CassandraSession
from infra.cassandra.view_store import CassandraViewStore
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.offsets.log_bounds import LogBounds
from infra.settings import CassandraSettings
from projections.rebuild.planner import RebuildPlanner
from projections.rebuild.rebuilds import REBUILDABLE, ViewTables

_PROCESSES = 2
_LOOK_SECONDS = 0.5


def rebuilt(kafka: Kafka, settings: CassandraSettings) -> tuple[float, float]:
    """Rebuild all; give the seconds from its start to its end, and the most MB of one builder."""
    cql = CassandraSession(settings, keyspace=settings.keyspace)
    store = CassandraViewStore(cql)
    generations = store.generations
    planner = RebuildPlanner(
        generations=generations,
        tables=ViewTables(cql),
        ends=LogBounds(kafka).ends,
        parked_records=store.parked_records,
    )
    for view in REBUILDABLE:
        planner.start(view, processes=_PROCESSES)
    began, most = time.perf_counter(), 0.0
    builder = subprocess.Popen(
        [sys.executable, "-m", "projections.rebuild"],
        env=environment(kafka, settings),
        stderr=subprocess.DEVNULL,
    )
    while builder.poll() is None:
        most = max(most, *map(_peak_megabytes, _children(builder.pid)), 0.0)
        time.sleep(_LOOK_SECONDS)
    took = time.perf_counter() - began
    states = {each.state for each in generations.all() if each.number > 1}
    assert states == {"following"}, states
    cql.close()
    return took, most


def environment(kafka: Kafka, settings: CassandraSettings) -> dict[str, str]:
    """Tell a service of ours where the log and the views of a measurement are."""
    host, _, port = kafka.bootstrap_servers.partition(":")
    return {
        **os.environ,
        "SCALEHOSTER_KAFKA__HOST": host,
        "SCALEHOSTER_KAFKA__PORT": port,
        "SCALEHOSTER_KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
        "SCALEHOSTER_CASSANDRA__HOST": settings.host,
        "SCALEHOSTER_CASSANDRA__PORT": str(settings.port),
        "SCALEHOSTER_CASSANDRA__KEYSPACE": settings.keyspace,
    }


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # it just ended
        return []


def _peak_megabytes(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    peak = next((line.split()[1] for line in lines if line.startswith("VmHWM")), "0")
    return int(peak) / 1024


def measure(*, quick: bool) -> None:
    pictures, times, rounds = (1_000, 2, 1) if quick else (10_345, 10, 3)  # 100,000 events
    ours: list[float] = []
    bare: list[float] = []
    with bench_kafka() as kafka:
        apply_topics(kafka)
        small = append_all(kafka, pictures)
        warm_up()
        for _ in range(rounds):
            with bench_keyspace() as settings:
                took, least_megabytes = rebuilt(kafka, settings)
                ours.append(small / took)
            bare.append(small / written_bare(pictures, processes=_PROCESSES))
    ratio = median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    with bench_kafka() as kafka:
        apply_topics(kafka)
        large = append_all(kafka, times * pictures)
        with bench_keyspace() as settings:
            took, most_megabytes = rebuilt(kafka, settings)
    took_before = small / median(ours)
    figures = {
        "events": [small, large],
        "ours": ours,
        "bare": bare,
        "seconds": [took_before, took],
        "megabytes": [least_megabytes, most_megabytes],
    }
    report(
        "P7",
        f"all views rebuilt from {small:,} events at {median(ours):,.0f}/s,"
        f" bare driver {median(bare):,.0f}/s",
        ratio=ratio,
        target=0.6,
        figures=figures,
    )
    rate = large / took
    report(
        "P7 rate",
        f"{large:,} events at {rate:,.0f}/s",
        ratio=rate / 10_000,
        target=1.0,
        figures=figures,
    )
    report(
        "P7 memory",
        f"a builder needs {least_megabytes:.0f} MB at {small:,} events,"
        f" {most_megabytes:.0f} MB at {large:,}; 1.2 times as much is allowed",
        ratio=1.2 * least_megabytes / most_megabytes,
        target=1.0,
        figures=figures,
    )
    growth = large / small
    report(
        "P7 growth",
        f"{growth:.0f} times the events take {took / took_before:.1f} times as long;"
        f" {1.1 * growth:.0f} is allowed",
        ratio=1.1 * growth * took_before / took,
        target=1.0,
        figures=figures,
    )
