"""A broker inside this process, by librdkafka itself, that refuses what it is told to refuse."""

import ctypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import confluent_kafka  # noqa: F401 - brings the library into this process

from infra.kafka.topics import Topic

_PRODUCER = 0
_BROKER = 1
_PRODUCE = 0
_NOT_LEADER = 6
_RTT_MS = 1_000


@dataclass(frozen=True, slots=True)
class MockBroker:
    """Knows nothing of producers, as a broker does of one that is new to a partition."""

    bootstrap_servers: str
    _library: ctypes.CDLL
    _cluster: int

    def make(self, topic: Topic) -> None:
        """Make a topic of one partition."""
        self._library.rd_kafka_mock_topic_create(self._cluster, topic.name.encode(), 1, 1)

    def refuse_one_batch(self, code: int = _NOT_LEADER) -> None:
        """Say of the next batch that it goes to another leader, a second after it came.

        Or whatever else this code says.
        """
        refused = self._library.rd_kafka_mock_broker_push_request_error_rtts(
            self._cluster, _BROKER, _PRODUCE, ctypes.c_size_t(1), code, _RTT_MS
        )
        assert refused == 0


@contextmanager
def mock_broker() -> Iterator[MockBroker]:
    """Run one, on a port of loopback."""
    library = ctypes.CDLL(_library())
    library.rd_kafka_new.restype = ctypes.c_void_p
    library.rd_kafka_destroy.argtypes = [ctypes.c_void_p]
    library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.rd_kafka_mock_cluster_destroy.argtypes = [ctypes.c_void_p]
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    library.rd_kafka_mock_cluster_bootstraps.argtypes = [ctypes.c_void_p]
    library.rd_kafka_mock_topic_create.argtypes = [
        *(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int)
    ]
    library.rd_kafka_mock_broker_push_request_error_rtts.argtypes = [
        *(ctypes.c_void_p, ctypes.c_int32, ctypes.c_int16, ctypes.c_size_t)
    ]
    client = library.rd_kafka_new(_PRODUCER, None, None, ctypes.c_size_t(0))
    cluster = library.rd_kafka_mock_cluster_new(client, _BROKER)
    try:
        servers = library.rd_kafka_mock_cluster_bootstraps(cluster).decode()
        yield MockBroker(servers, library, cluster)
    finally:
        library.rd_kafka_mock_cluster_destroy(cluster)
        library.rd_kafka_destroy(client)


def _library() -> str:
    found = re.search(r"/\S*librdkafka\S*", Path("/proc/self/maps").read_text("ascii"))
    assert found, "confluent_kafka was built without a library of its own"
    return found[0]
