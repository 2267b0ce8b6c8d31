"""A real Kafka and a real Cassandra on this machine, no Docker needed."""

from infra.local_cluster.cassandra_server import cassandra_answers
from infra.local_cluster.errors import ClusterError
from infra.local_cluster.kafka_server import kafka_answers
from infra.local_cluster.local_cluster import LocalCluster
from infra.local_cluster.local_server import LocalServer, LocalServerStatus
from infra.local_cluster.ports import free_port

__all__ = [
    "ClusterError",
    "LocalCluster",
    "LocalServer",
    "LocalServerStatus",
    "cassandra_answers",
    "free_port",
    "kafka_answers",
]
