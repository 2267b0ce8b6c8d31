"""A real Kafka and a real Cassandra on this machine, no Docker needed."""

from infra.cluster.cassandra import cassandra_answers
from infra.cluster.cluster import LocalCluster
from infra.cluster.errors import ClusterError
from infra.cluster.kafka import kafka_answers
from infra.cluster.ports import free_port
from infra.cluster.server import LocalServer, LocalServerStatus

__all__ = [
    "ClusterError",
    "LocalCluster",
    "LocalServer",
    "LocalServerStatus",
    "cassandra_answers",
    "free_port",
    "kafka_answers",
]
