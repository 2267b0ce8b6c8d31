"""Servers of this machine: started, killed, started again."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest
from cassandra.cluster import EXEC_PROFILE_DEFAULT, ExecutionProfile, Session
from cassandra.cluster import Cluster as Cassandra
from cassandra.policies import WhiteListRoundRobinPolicy
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from infra.local_cluster import LocalCluster, free_port
from infra.local_cluster.ports import is_free
from tests.support.eventually import eventually


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A cluster of its own, because these tests kill it."""
    made = LocalCluster(
        tmp_path_factory.mktemp("a folder with spaces"),
        free_port(),
        free_port(),
        cassandra_heap_megabytes=512,
    )
    yield made
    made.down()


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill(cluster: LocalCluster) -> None:
    cluster.up()
    cluster_id = kafka_cluster_id(cluster)
    append(cluster, b"the record")
    write(cluster, range(50))
    cluster.cassandra.kill()  # at once: the youngest row is the one in danger
    cluster.kafka.kill()
    assert not any(server.is_ready for server in cluster.status())
    cluster.up()

    assert kafka_cluster_id(cluster) == cluster_id
    assert read_back(cluster) == b"the record"
    assert rows(cluster) == set(range(50))


@pytest.mark.slow
def test_up_twice_is_up_once_and_down_leaves_nothing_running(cluster: LocalCluster) -> None:
    cluster.up()
    pids = [server.pid for server in cluster.status()]
    LocalCluster(cluster.directory, cluster.kafka.port, cluster.cassandra.port).up()
    assert [server.pid for server in cluster.status()] == pids

    cluster.down()
    assert [server.pid for server in cluster.status()] == [None, None]
    assert is_free(cluster.kafka.port)
    assert is_free(cluster.cassandra.port)


def kafka_cluster_id(cluster: LocalCluster) -> str:
    admin = AdminClient({"bootstrap.servers": cluster.kafka.address})
    return str(admin.list_topics(timeout=10).cluster_id)


def append(cluster: LocalCluster, value: bytes) -> None:
    admin = AdminClient({"bootstrap.servers": cluster.kafka.address})
    admin.create_topics([NewTopic("kept", num_partitions=1)])["kept"].result(timeout=10)
    acknowledged = []
    producer = Producer({"bootstrap.servers": cluster.kafka.address, "acks": "all"})
    producer.produce("kept", value, on_delivery=lambda error, _: acknowledged.append(error is None))
    producer.flush(10)
    assert acknowledged == [True]


def read_back(cluster: LocalCluster) -> bytes | None:
    consumer = Consumer(
        {
            "bootstrap.servers": cluster.kafka.address,
            "group.id": uuid.uuid4().hex,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(["kept"])
    try:
        message = eventually(lambda: consumer.poll(0.5), within_seconds=30)
        assert message is not None
        assert message.error() is None
        return message.value()
    finally:
        consumer.close()


def write(cluster: LocalCluster, values: Iterable[int]) -> None:
    with connected(cluster) as session:
        session.execute(
            "CREATE KEYSPACE kept WITH replication = "
            "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        session.execute("CREATE TABLE kept.rows (value int PRIMARY KEY)")
        for value in values:
            session.execute("INSERT INTO kept.rows (value) VALUES (%s)", [value])


def rows(cluster: LocalCluster) -> set[int]:
    with connected(cluster) as session:
        return {row.value for row in session.execute("SELECT value FROM kept.rows")}


@contextmanager
def connected(cluster: LocalCluster) -> Iterator[Session]:
    profile = ExecutionProfile(load_balancing_policy=WhiteListRoundRobinPolicy(["127.0.0.1"]))
    driver = Cassandra(
        ["127.0.0.1"],
        port=cluster.cassandra.port,
        protocol_version=5,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
    )
    try:
        yield driver.connect()
    finally:
        driver.shutdown()
