"""What rebuilding needs of Cassandra and Kafka, on the real ones."""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cassandra.cluster import Session
from confluent_kafka import Producer

from infra.cassandra.generations import CassandraGenerations, Generations
from infra.cassandra.row_operations import Table
from infra.cassandra.schema import drop_tables, make_tables
from infra.cassandra.session import CassandraSession
from infra.cassandra.table_scan import TableScan
from infra.cassandra.view_store import CassandraViewStore
from infra.errors import ViewsMissing
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.topics import ASSET_EVENTS, CATEGORY_EVENTS
from infra.settings import CassandraSettings
from read_models.categories.projection import CATEGORIES, TREE
from read_models.errors import DefinitionMissing
from read_models.installation import apply_views, live_generations
from tests.contract.generations import GenerationsContract, planned
from tests.contract.view_store import checkpoint, upsert
from tests.support.eventually import eventually
from tests.support.long_histories import Appender, categories_of, picture
from tests.support.samples import ACME, NOON
from tests.support.servers import Servers


@pytest.fixture(scope="module")
def settings(servers: Servers, cql: Session) -> Iterator[CassandraSettings]:
    """All views' tables, made once: that takes seconds."""
    made = CassandraSettings(
        host=servers.cassandra_host,
        port=servers.cassandra_port,
        keyspace=f"t{uuid.uuid4().hex[:8]}",
    )
    apply_views(made)
    yield made
    cql.execute(f"DROP KEYSPACE {made.keyspace}")


@pytest.fixture(scope="module")
def opened(settings: CassandraSettings) -> Iterator[CassandraSession]:
    opened = CassandraSession(settings, keyspace=settings.keyspace)
    yield opened
    opened.close()


@pytest.fixture
def generations(opened: CassandraSession) -> Iterator[CassandraGenerations]:
    yield CassandraGenerations(opened)
    opened.execute("TRUNCATE generations")
    opened.execute("TRUNCATE active_generation")


class TestCassandraGenerations(GenerationsContract):
    @pytest.fixture(autouse=True)
    def _servers(self, generations: CassandraGenerations) -> None:
        self.kept = generations

    def generations(self) -> Generations:
        return self.kept

    def begin(self, view: str) -> None:
        assert self.kept.begin(view) == 1


def test_the_parts_of_a_scan_are_the_whole_table(opened: CassandraSession) -> None:
    keys = [(f"tenant {n % 37}", f"category {n}") for n in range(500)]
    CassandraViewStore(opened).write(
        [upsert(1, key, version=n) for n, key in enumerate(keys)], generation=1
    )
    scan = TableScan(opened)
    parts = [
        [(row["tenant_id"], row["category_id"]) for row in scan.rows(TREE, 1, part, 7)]
        for part in range(7)
    ]
    assert sorted(key for part in parts for key in part) == sorted(keys)
    assert sum(bool(part) for part in parts) > 3


def test_a_late_checkpoint_of_a_dropped_generation_does_not_come_back(
    opened: CassandraSession, generations: CassandraGenerations
) -> None:
    store = CassandraViewStore(opened)
    store.save([checkpoint(7, generation=9)])
    generations.forget("categories", 9)
    store.save([checkpoint(8, generation=9)])
    assert store.checkpoints("categories", 9) == []


def test_tables_come_and_go(opened: CassandraSession) -> None:
    table = Table(name="categories", partition_key=TREE.partition_key)
    for _ in range(2):
        make_tables(opened, CATEGORIES.cql(8))
    assert list(TableScan(opened).rows(table, 8, 0, 1)) == []
    for _ in range(2):
        drop_tables(opened, ["categories_g8"])
    with pytest.raises(ViewsMissing):
        list(TableScan(opened).rows(table, 8, 0, 1))


def test_only_what_follows_is_live(
    settings: CassandraSettings, opened: CassandraSession, generations: CassandraGenerations
) -> None:
    apply_views(settings)
    store = CassandraViewStore(opened)
    second = replace(planned("categories", 2), revision=1)
    generations.add(second)
    assert {each.generation for each in live_generations(store)} == {1}
    make_tables(opened, CATEGORIES.cql(2))
    generations.move(second, "following")
    live = [each for each in live_generations(store) if each.view is CATEGORIES]
    assert [each.generation for each in live] == [1, 2]
    drop_tables(opened, ["categories_g2"])


def test_a_generation_whose_definition_is_gone_stops_the_projections(
    settings: CassandraSettings, opened: CassandraSession, generations: CassandraGenerations
) -> None:
    apply_views(settings)
    generations.add(replace(planned("categories", 7), state="following"))
    with pytest.raises(DefinitionMissing, match=r"revision 3.*FORMER"):
        live_generations(CassandraViewStore(opened))


def test_what_is_not_committed_yet_is_written_all_the_same(
    servers: Servers, topic_prefix: str
) -> None:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka, (CATEGORY_EVENTS,))
    bounds = LogBounds(kafka)
    producer = Producer(kafka.transactional_producer("open"))
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(kafka.topic(CATEGORY_EVENTS), b"one", partition=1)
    assert producer.flush(30) == 0
    assert asyncio.run(bounds.written(CATEGORY_EVENTS)) == {0: 0, 1: 1, 2: 0}
    assert bounds.ends(CATEGORY_EVENTS) == {0: 0, 1: 0, 2: 0}
    producer.abort_transaction(30)
    eventually(lambda: bounds.ends(CATEGORY_EVENTS)[1] == 2, within_seconds=60)  # the marker
    assert asyncio.run(bounds.written(CATEGORY_EVENTS)) == {0: 0, 1: 2, 2: 0}


def test_a_partition_ends_after_what_was_committed(servers: Servers, topic_prefix: str) -> None:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka, (ASSET_EVENTS, CATEGORY_EVENTS))
    bounds = LogBounds(kafka)
    assert set(bounds.ends(CATEGORY_EVENTS).values()) == {0}
    events, catalogue = categories_of(ACME, NOON)
    appender = Appender(kafka)
    appender.append(events)
    appender.append(picture(ACME, 1, catalogue, NOON))
    for topic in (ASSET_EVENTS, CATEGORY_EVENTS):
        with read_from_beginning(kafka, topic) as reader:
            records = list(reader.read_to_end())
            ends = bounds.ends(topic)
            assert ends == reader.ends()
        assert sum(ends.values()) == len(records) + 1  # the marker that commits
        assert bounds.of((topic.name, at) for at in ends) == {
            (topic.name, at): (0, end) for at, end in ends.items()
        }
    assert bounds.of([]) == {}
