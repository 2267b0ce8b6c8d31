"""Kafka and Cassandra from their official images, where a Docker engine answers."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from docker.errors import DockerException
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from infra.local_cluster import cassandra_answers, free_port, kafka_answers
from infra.local_cluster.cassandra_server import CassandraServer
from infra.local_cluster.kafka_server import KafkaServer
from tests.support.eventually import eventually

_KAFKA_IMAGE = f"apache/kafka:{KafkaServer.version}"
_CASSANDRA_IMAGE = f"cassandra:{CassandraServer.version}"
_START_SECONDS = 180


def docker_answers() -> bool:
    """Say whether a Docker engine can be reached from here."""
    with warnings.catch_warnings():
        # Where there is no engine, docker's client leaves the socket it tried to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        answers = _docker_answers()
        gc.collect()
    return answers


def _docker_answers() -> bool:
    try:
        client = DockerClient().client
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except (DockerException, OSError):
        return False
    finally:
        client.close()


@contextmanager
def kafka_container() -> Iterator[str]:
    """Run a broker and yield its bootstrap servers; raises DockerException without an image."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    settings = {
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_NODE_ID": "1",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{address}",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }
    with _listening(DockerContainer(_KAFKA_IMAGE, env=settings), inside=9092, outside=port):
        eventually(lambda: kafka_answers(address), within_seconds=_START_SECONDS)
        yield address


@contextmanager
def cassandra_container() -> Iterator[tuple[str, int]]:
    """Run a node and yield its host and CQL port; raises DockerException without an image."""
    port = free_port()
    settings = {
        "MAX_HEAP_SIZE": "1G",
        "HEAP_NEWSIZE": "256M",
        # One node waits for nobody.
        "JVM_EXTRA_OPTS": (
            "-Dcassandra.ring_delay_ms=1 -Dcassandra.skip_wait_for_gossip_to_settle=0"
        ),
    }
    with _listening(DockerContainer(_CASSANDRA_IMAGE, env=settings), inside=9042, outside=port):
        eventually(lambda: cassandra_answers("127.0.0.1", port), within_seconds=_START_SECONDS)
        yield "127.0.0.1", port


def _listening(container: DockerContainer, *, inside: int, outside: int) -> DockerContainer:
    """Publish one port on loopback only; the container's own method would open it to all."""
    container.ports[f"{inside}/tcp"] = ("127.0.0.1", outside)  # type: ignore[assignment] # docker takes it, the hint lacks it
    return container
