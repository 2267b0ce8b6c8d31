"""Makes a broker forget, for certain, what it forgets seldom by itself.

The coordinator of transactions keeps what it knows in a topic, and reads that topic again when it
starts. A record of ours in it says that a transaction is about to be committed, and names fewer
partitions than the transaction has; a broker that is killed and started then ends only those.
"""

import struct
import time
from collections.abc import Collection, Mapping

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from infra.kafka.group_consumer import GroupConsumer, Partition
from infra.kafka.transactions import TransactionalProducer, TransactionFailed
from infra.local_cluster.kafka_server import KafkaServer

_STATES = "__transaction_state"
_PREPARE_COMMIT = 2
_TIMEOUT_MS = 15_000


def forge_commit(
    bootstrap_servers: str, transactional_id: str, told: Mapping[str, Collection[int]]
) -> None:
    """Have the transaction under way committed, after a restart, in these partitions alone."""
    partition, key, state = _last_state(bootstrap_servers, transactional_id)
    producer_id, epoch = struct.unpack_from(">qh", state, 2)
    now = int(time.time() * 1000)
    value = struct.pack(">hqhib", 0, producer_id, epoch, _TIMEOUT_MS, _PREPARE_COMMIT)
    value += struct.pack(">i", len(told))
    for topic, numbers in told.items():
        name = topic.encode()
        value += struct.pack(f">h{len(name)}s", len(name), name)
        value += struct.pack(f">i{len(numbers)}i", len(numbers), *numbers)
    value += struct.pack(">qq", now, now)
    # Only a client of this name may write to the broker's own topics.
    config = {"bootstrap.servers": bootstrap_servers, "client.id": "__admin_client", "acks": "all"}
    producer = Producer(config)
    failed: list[KafkaError | None] = []
    producer.produce(
        _STATES,
        partition=partition,
        key=key,
        value=value,
        on_delivery=lambda error, _: failed.append(error),
    )
    assert producer.flush(30) == 0
    assert failed == [None]


def _last_state(bootstrap_servers: str, transactional_id: str) -> tuple[int, bytes, bytes]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "forger",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    partitions = set(consumer.list_topics(_STATES, timeout=30).topics[_STATES].partitions)
    consumer.assign([TopicPartition(_STATES, number, 0) for number in partitions])
    wanted = struct.pack(">hh", 0, len(transactional_id)) + transactional_id.encode()
    found = None
    while partitions:
        message = consumer.poll(1)
        if message is not None and message.error() is not None:
            partitions.discard(message.partition() or 0)
        elif message is not None and message.key() == wanted:
            found = message.partition() or 0, wanted, bytes(message.value() or b"")
    consumer.close()
    assert found, f"{transactional_id} is unknown"
    return found


class DoomedCommit:
    """Has a commit of any writer told to some partitions alone, and Kafka killed over it."""

    def __init__(self, server: KafkaServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self._server = server
        self._told: Mapping[str, Collection[int]] | None = None
        commit = TransactionalProducer.commit

        def commit_or_die(
            writer: TransactionalProducer, reader: GroupConsumer, offsets: Mapping[Partition, int]
        ) -> None:
            if self._told is None:
                return commit(writer, reader, offsets)
            writer.flush()
            places = [TopicPartition(topic, number, at) for (topic, number), at in offsets.items()]
            writer._producer.send_offsets_to_transaction(places, reader.membership(), 30)  # noqa: SLF001 - half a commit
            forge_commit(server.address, writer.id, self._told)
            server.kill()
            server.start()
            self._told = None
            raise TransactionFailed("the broker died")

        monkeypatch.setattr(TransactionalProducer, "commit", commit_or_die)

    def doom(self, told: Mapping[str, Collection[int]]) -> None:
        """Have the next commit told to these partitions, and to no others."""
        self._told = told

    @property
    def has_struck(self) -> bool:
        """Whether that commit was made, and Kafka is back."""
        return self._told is None
