"""The configuration of Kafka clients: servers, names of topics, settings."""

from dataclasses import dataclass

from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient

from infra.kafka.topics import ASSET_EVENTS, LARGEST_BATCH_BYTES, Topic

# aiokafka (under Faust) places keys by murmur2; librdkafka's default places most elsewhere.
_PARTITIONER = "murmur2_random"
ClientConfig = dict[str, str | int | float | bool]
_SESSION_TIMEOUT_MS = 10_000
_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kafka:
    """An address, and the prefix that keeps one installation's topics and groups apart."""

    bootstrap_servers: str
    topic_prefix: str = ""

    def topic(self, topic: Topic) -> str:
        """Name a topic as the broker knows it."""
        return self.topic_prefix + topic.name

    def group(self, name: str) -> str:
        """Name a consumer group as the broker knows it."""
        return self.topic_prefix + name

    def admin(self) -> AdminClient:
        """Open a client for topics, groups and offsets."""
        return AdminClient(self._client())

    def log_id(self) -> str:
        """Name the log: by the cluster, and by asset-events as it was made there.

        Topics that were made anew, for one to restore the log, are another log even under the same
        names: their offsets mean something else. Raises KafkaException.
        """
        admin, name = self.admin(), self.topic(ASSET_EVENTS)
        cluster_id = admin.list_topics(timeout=_TIMEOUT_SECONDS).cluster_id
        asked = admin.describe_topics(TopicCollection([name]), request_timeout=_TIMEOUT_SECONDS)
        topic_id = asked[name].result(timeout=_TIMEOUT_SECONDS).topic_id
        return f"{cluster_id}/{name}/{topic_id}"

    def producer(self) -> ClientConfig:
        """Tell a producer to lose nothing, repeat nothing, and place keys as Faust does."""
        return {
            **self._client(),
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": _PARTITIONER,
            "compression.type": "lz4",
            "linger.ms": 2,
            "delivery.timeout.ms": 20_000,
            "message.max.bytes": LARGEST_BATCH_BYTES,
        }

    def transactional_producer(self, transactional_id: str) -> ClientConfig:
        """Tell a producer to write in transactions under this id."""
        return {
            **self.producer(),
            "transactional.id": self.topic_prefix + transactional_id,
            "transaction.timeout.ms": 15_000,
            "delivery.timeout.ms": 15_000,
            "linger.ms": 5,  # not paid: each batch is flushed, and goes out as a whole
        }

    def reader(self) -> ClientConfig:
        """Tell a consumer without a group to see only what was committed, and where it ends."""
        return {
            **self._client(),
            "group.id": self.topic_prefix + "readers",  # never committed to; librdkafka wants one
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
            "fetch.queue.backoff.ms": 20,
            "queued.min.messages": 20_000,
            "queued.max.messages.kbytes": 16_384,
            "fetch.message.max.bytes": LARGEST_BATCH_BYTES,
        }

    def group_reader(self, group: str, max_poll_seconds: int = 60) -> ClientConfig:
        """Tell a consumer to share the partitions of its topics with the others of its group.

        ``max_poll_seconds`` is how long it may work between two polls before others take over.
        """
        return {
            **self.reader(),
            "group.id": self.group(group),
            "session.timeout.ms": _SESSION_TIMEOUT_MS,
            "heartbeat.interval.ms": 2_000,
            "max.poll.interval.ms": max_poll_seconds * 1_000,
            "partition.assignment.strategy": "cooperative-sticky",
        }

    def _client(self) -> ClientConfig:
        return {
            "bootstrap.servers": self.bootstrap_servers,
            "log_level": 2,
            "socket.timeout.ms": 10_000,
            "reconnect.backoff.max.ms": 1_000,
        }
