"""What the fixtures hand to every integration test."""

from cassandra.cluster import Session
from confluent_kafka.admin import AdminClient, NewTopic

from infra.local_cluster import cassandra_answers, kafka_answers
from tests.support.servers import Servers


def test_the_servers_answer(servers: Servers) -> None:
    assert kafka_answers(servers.bootstrap_servers)
    assert cassandra_answers(servers.cassandra_host, servers.cassandra_port)


def test_topics_can_be_made_under_the_prefix(kafka_admin: AdminClient, topic_prefix: str) -> None:
    name = f"{topic_prefix}events"
    kafka_admin.create_topics([NewTopic(name, num_partitions=1)])[name].result(timeout=10)
    assert name in kafka_admin.list_topics(timeout=10).topics


def test_tables_can_be_made_in_the_keyspace(cql: Session, keyspace: str) -> None:
    cql.execute(f"CREATE TABLE {keyspace}.counted (value int PRIMARY KEY)")
    assert "counted" in cql.cluster.metadata.keyspaces[keyspace].tables
