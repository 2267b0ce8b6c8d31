"""The projections on real servers: whatever is killed or lost, the views end up as the fold."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from threading import Event as Signal
from threading import Thread

import pytest
from cassandra.cluster import Session
from confluent_kafka import Producer
from prometheus_client import CollectorRegistry

from avro_schemas.codec import decode, encode
from domain.asset.events import AssetEvent
from domain.category.events import CatalogueEvent
from domain.dead_letter import DeadLetter
from domain.errors import ScaleHosterError
from domain.values import TenantId
from infra.cassandra.session import CassandraSession
from infra.cassandra.view_store import STATE_TABLES, Checkpoint
from infra.errors import StoreUnavailable
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import GroupConsumer
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.topics import (
    ASSET_EVENTS,
    CATEGORY_EVENTS,
    COMMAND_RESULTS,
    OPERATION_EVENTS,
    PROJECTIONS_DEAD_LETTERS,
    Topic,
)
from infra.settings import CassandraSettings
from projections.consumer import GROUP, ProjectionConsumer
from projections.metrics import ProjectionMetrics
from read_models.installation import MAINTENANCE_TABLES, apply_views
from read_models.registry import QUERIED_VIEWS, VIEWS
from read_models.view import ViewGeneration
from read_models.view_reader import ViewReader
from tests.integration.test_view_store import rows_of
from tests.support.eventually import eventually
from tests.support.fakes.memory_views import MemoryViewStore
from tests.support.history_maker import VERBS, tenant
from tests.support.log_fold import Rows, expected_rows, readable
from tests.support.servers import Servers

ROOT = Path(__file__).parents[2]
FOLDED = (ASSET_EVENTS, CATEGORY_EVENTS)
TABLES = {table.name: table for view in VIEWS for table in view.tables if view.topic in FOLDED}
TOPICS = (*FOLDED, OPERATION_EVENTS, COMMAND_RESULTS, PROJECTIONS_DEAD_LETTERS)
Events = Sequence[AssetEvent | CatalogueEvent]


def history(tenants: int, seed: int = 7) -> Events:
    """Make some hundred events; each tenant's come one after the other."""
    chance = Random(seed)
    events: list[AssetEvent | CatalogueEvent] = []
    for number in range(tenants):
        wishes = [
            (chance.choice(VERBS), chance.randrange(3), chance.randrange(3), chance.randrange(3))
            for _ in range(60)
        ]
        name = TenantId(f"tenant-{number}")
        for event in tenant(wishes).events:
            entity = f"{number}-{event.asset_id}" if isinstance(event, AssetEvent) else name
            about = replace(event.metadata, tenant_id=name, entity_id=entity)
            events.append(replace(event, metadata=about))
    return events


EVENTS = history(30)


@pytest.fixture(scope="module")
def made(servers: Servers, cql: Session) -> Iterator[CassandraSettings]:
    """All views' tables, made once: that takes seconds."""
    settings = CassandraSettings(
        host=servers.cassandra_host,
        port=servers.cassandra_port,
        keyspace=f"t{uuid.uuid4().hex[:8]}",
    )
    apply_views(settings)
    yield settings
    cql.execute(f"DROP KEYSPACE {settings.keyspace}")


@pytest.fixture
def cassandra(cql: Session, made: CassandraSettings) -> CassandraSettings:
    empty(
        cql, made, *(table.at(1) for table in TABLES.values()), "projection_state", "parked_records"
    )
    return made


@pytest.fixture
def kafka(servers: Servers, topic_prefix: str) -> Kafka:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka, TOPICS)
    return kafka


def empty(cql: Session, settings: CassandraSettings, *tables: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: cql.execute(f"TRUNCATE {settings.keyspace}.{name}"), tables))


def append(kafka: Kafka, events: Events) -> None:
    """Write events in transactions of 50, as the decider does."""
    producer = Producer(kafka.transactional_producer("history"))
    producer.init_transactions(30)
    for start in range(0, len(events), 50):
        producer.begin_transaction()
        for event in events[start : start + 50]:
            topic = ASSET_EVENTS if isinstance(event, AssetEvent) else CATEGORY_EVENTS
            producer.produce(kafka.topic(topic), key=event.metadata.entity_id, value=encode(event))
        producer.commit_transaction(30)


@contextmanager
def projections(
    kafka: Kafka, settings: CassandraSettings, failpoint: str = ""
) -> Iterator[subprocess.Popen[str]]:
    """Run the real thing; what is left of it is killed at the end."""
    host, _, port = kafka.bootstrap_servers.partition(":")
    environment = {
        **os.environ,
        "SCALEHOSTER_KAFKA__HOST": host,
        "SCALEHOSTER_KAFKA__PORT": port,
        "SCALEHOSTER_KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
        "SCALEHOSTER_CASSANDRA__HOST": settings.host,
        "SCALEHOSTER_CASSANDRA__PORT": str(settings.port),
        "SCALEHOSTER_CASSANDRA__KEYSPACE": settings.keyspace,
        "SCALEHOSTER_FAILPOINT": failpoint,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "projections"],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ends(
    kafka: Kafka, topics: Iterable[Topic] = (ASSET_EVENTS, CATEGORY_EVENTS)
) -> dict[tuple[str, int], int]:
    found: dict[tuple[str, int], int] = {}
    for topic in topics:
        with read_from_beginning(kafka, topic) as reader:
            found |= {(topic.name, partition): end for partition, end in reader.ends().items()}
    return {place: end for place, end in found.items() if end > 0}


def applied(cql: Session, settings: CassandraSettings) -> dict[tuple[str, str, int], int]:
    rows = cql.execute(f"SELECT * FROM {settings.keyspace}.projection_state")  # noqa: S608 - ours
    return {(row.view_name, row.topic, row.partition): row.applied_offset for row in rows}


def wait_until_applied(cql: Session, settings: CassandraSettings, kafka: Kafka) -> None:
    wanted = {
        (view.name, *place): end
        for place, end in ends(kafka).items()
        for view in VIEWS
        if view.topic.name == place[0]
    }

    def everything_is_applied() -> bool:
        found = applied(cql, settings)
        return all(found.get(place) == end for place, end in wanted.items())

    eventually(everything_is_applied, within_seconds=60)


def shown(cql: Session, settings: CassandraSettings) -> dict[str, Rows]:
    return {
        name: readable(rows_of(cql, settings.keyspace, table)) for name, table in TABLES.items()
    }


def test_the_views_show_the_fold_of_the_log(
    kafka: Kafka, cassandra: CassandraSettings, cql: Session
) -> None:
    append(kafka, EVENTS)
    with projections(kafka, cassandra) as process:
        wait_until_applied(cql, cassandra, kafka)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert shown(cql, cassandra) == expected_rows(EVENTS)


@pytest.mark.parametrize(
    "failpoint",
    ["projections.after_rows_before_checkpoint", "projections.after_checkpoint"],
)
def test_nothing_is_lost_or_doubled_when_it_dies_at_the_worst_moment(
    kafka: Kafka, cassandra: CassandraSettings, cql: Session, failpoint: str
) -> None:
    append(kafka, EVENTS)
    with projections(kafka, cassandra, failpoint) as process:
        assert process.wait(60) == 137
    done = applied(cql, cassandra)
    assert (not done) == (failpoint == "projections.after_rows_before_checkpoint")
    with projections(kafka, cassandra):
        wait_until_applied(cql, cassandra, kafka)
    assert shown(cql, cassandra) == expected_rows(EVENTS)


@pytest.mark.slow
def test_a_kill_at_any_moment_is_made_good_by_the_next_life(
    kafka: Kafka, cassandra: CassandraSettings, cql: Session
) -> None:

    def has_moved(before: dict[tuple[str, str, int], int]) -> bool:
        return applied(cql, cassandra) != before

    third = len(EVENTS) // 3
    for start in (0, third, 2 * third):
        before = applied(cql, cassandra)
        append(kafka, EVENTS[start : start + third + 2])
        with projections(kafka, cassandra) as process:
            eventually(partial(has_moved, before), within_seconds=60)
            process.kill()
    with projections(kafka, cassandra):
        wait_until_applied(cql, cassandra, kafka)
    assert shown(cql, cassandra) == expected_rows(EVENTS)


def test_two_of_them_share_the_work_and_one_takes_over_from_the_other(
    kafka: Kafka, cassandra: CassandraSettings, cql: Session
) -> None:
    half = len(EVENTS) // 2
    append(kafka, EVENTS[:half])
    with projections(kafka, cassandra) as first, projections(kafka, cassandra):
        wait_until_applied(cql, cassandra, kafka)
        first.send_signal(signal.SIGTERM)
        assert first.wait(20) == 0
        append(kafka, EVENTS[half:])
        wait_until_applied(cql, cassandra, kafka)
    assert shown(cql, cassandra) == expected_rows(EVENTS)


@pytest.mark.slow
def test_a_store_that_lost_what_was_written_is_repaired_while_running(
    kafka: Kafka, cassandra: CassandraSettings, cql: Session
) -> None:
    append(kafka, EVENTS)
    with projections(kafka, cassandra):
        wait_until_applied(cql, cassandra, kafka)
        empty(cql, cassandra, "asset_by_id_g1", "assets_by_date_g1", "projection_state")
        wait_until_applied(cql, cassandra, kafka)
    assert shown(cql, cassandra) == expected_rows(EVENTS)


def readiness(settings: CassandraSettings) -> str:
    """Say what the query API would answer: ready, or the error behind its 503."""
    cql = CassandraSession(settings, keyspace=settings.keyspace)
    try:
        asyncio.run(ViewReader(cql, QUERIED_VIEWS).check())
    except ScaleHosterError as error:
        return type(error).__name__
    finally:
        cql.close()
    return "ready"


EVERYTHING = (
    *(table.at(1) for table in TABLES.values()),
    "commands_g1",
    *STATE_TABLES,
    *MAINTENANCE_TABLES,
)


def test_a_store_that_lost_everything_is_filled_again_by_projections_that_idle(
    kafka: Kafka, cassandra: CassandraSettings, cql: Session
) -> None:
    append(kafka, EVENTS)
    with projections(kafka, cassandra) as process:
        wait_until_applied(cql, cassandra, kafka)
        assert readiness(cassandra) == "ready"
        empty(cql, cassandra, *EVERYTHING)
        eventually(lambda: readiness(cassandra) == "ready", within_seconds=60)
        assert shown(cql, cassandra) == expected_rows(EVENTS)
        assert process.poll() is None


def test_nobody_is_told_of_an_empty_view_while_projections_start_again_on_an_empty_store(
    kafka: Kafka, cassandra: CassandraSettings, cql: Session
) -> None:
    append(kafka, EVENTS)
    empty(cql, cassandra, *EVERYTHING)
    assert readiness(cassandra) == "ViewsMissing"
    apply_views(cassandra, LogBounds(kafka).ends)
    assert readiness(cassandra) == "ViewNotBuilt"
    with projections(kafka, cassandra):
        eventually(lambda: readiness(cassandra) == "ready", within_seconds=60)
        assert shown(cql, cassandra) == expected_rows(EVENTS)


def test_a_store_that_lost_its_last_writes_is_repaired_by_the_next_life(
    kafka: Kafka, cassandra: CassandraSettings, cql: Session
) -> None:
    append(kafka, EVENTS)
    with projections(kafka, cassandra):
        wait_until_applied(cql, cassandra, kafka)
    empty(cql, cassandra, "asset_by_id_g1", "assets_by_category_g1", "projection_state")
    with projections(kafka, cassandra):
        wait_until_applied(cql, cassandra, kafka)
    assert shown(cql, cassandra) == expected_rows(EVENTS)


def test_a_poison_record_is_parked_and_the_line_goes_on(
    kafka: Kafka, cassandra: CassandraSettings, cql: Session
) -> None:
    spoilt = {b"": "empty", b"\0\0\0\0\1": "cut short", b"\0\xff\xff\xff\xff": "unknown schema"}
    producer = Producer(kafka.producer())
    for value, key in spoilt.items():
        producer.produce(kafka.topic(ASSET_EVENTS), key=key, value=value)
    assert producer.flush(30) == 0
    append(kafka, EVENTS)
    with projections(kafka, cassandra):
        wait_until_applied(cql, cassandra, kafka)
    with read_from_beginning(kafka, PROJECTIONS_DEAD_LETTERS) as reader:
        letters = [decode(record.value) for record in reader.read_to_end()]
    assert {letter.key: letter.value for letter in letters if isinstance(letter, DeadLetter)} == {
        key.encode(): value for value, key in spoilt.items()
    }
    parked = cql.execute(f"SELECT * FROM {cassandra.keyspace}.parked_records")  # noqa: S608 - ours
    of_asset_events = [view.name for view in VIEWS if view.topic == ASSET_EVENTS]
    assert {(row.view_name, row.entity_key, row.value or b"") for row in parked} == {
        (name, key.encode(), value) for name in of_asset_events for value, key in spoilt.items()
    }
    assert shown(cql, cassandra) == expected_rows(EVENTS)


def test_it_refuses_to_start_without_its_tables(
    kafka: Kafka, cassandra: CassandraSettings, cql: Session
) -> None:
    cql.execute(f"DROP TABLE {cassandra.keyspace}.commands_g1")
    with projections(kafka, cassandra) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    said = json.loads(errors.splitlines()[-1])
    assert (said["level"], said["process"]) == ("critical", "projections")
    assert "commands_g1; run 'scalehoster up'" in said["error"]
    apply_views(cassandra)


def test_it_refuses_to_start_on_a_log_that_could_lose_events(
    servers: Servers, topic_prefix: str, cassandra: CassandraSettings
) -> None:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka, [*TOPICS[1:], replace(ASSET_EVENTS, retention_ms=1_000_000)])
    with projections(kafka, cassandra) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "asset-events could lose events" in json.loads(errors.splitlines()[-1])["error"]


class SlowToWake(MemoryViewStore):
    """Is away until it was asked so often."""

    def __init__(self, refusals: int) -> None:
        super().__init__()
        self._refusals = refusals

    def checkpoints(self, view: str, generation: int) -> list[Checkpoint]:
        if self._refusals:
            self._refusals -= 1
            raise StoreUnavailable("still waking up")
        return super().checkpoints(view, generation)


def test_where_to_begin_may_become_known_after_the_partitions_were_given(kafka: Kafka) -> None:
    append(kafka, EVENTS)
    store = SlowToWake(refusals=3)
    stopping = Signal()
    follower = ProjectionConsumer(
        open_reader=lambda topics, starts_of, on_revoked: GroupConsumer(
            kafka, GROUP, topics, starts_of=starts_of, on_revoked=on_revoked
        ),
        store=store,
        live=lambda: [ViewGeneration(view=view, generation=1) for view in VIEWS],
        send_dead_letters=lambda letters: pytest.fail(str(letters)),
        metrics=ProjectionMetrics(CollectorRegistry()),
    )
    thread = Thread(target=follower.run, args=(stopping,))
    thread.start()
    wanted = ends(kafka)
    try:
        eventually(
            lambda: (
                {
                    (kept.topic, kept.partition): kept.applied_offset
                    for name in ("asset_by_id", "categories")
                    for kept in store.checkpoints(name, 1)
                }
                == wanted
            ),
            within_seconds=60,
        )
    finally:
        stopping.set()
        thread.join()
    tables = {name: readable(store.rows(table)) for name, table in TABLES.items()}
    assert tables == expected_rows(EVENTS)
