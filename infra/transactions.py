"""Appending records and moving a group's offsets on: both happen, or neither."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from threading import Thread

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from infra.errors import BrokerUnavailable
from infra.group_reading import GroupReader, Partition
from infra.kafka import Kafka
from infra.topics import Topic

_TIMEOUT_SECONDS = 15.0
_COMMIT_SECONDS = 20.0


class TransactionFailed(BrokerUnavailable):
    """A transaction could not be ended, so nobody knows yet whether it took effect.

    The writer must be renewed, which resolves it, and whatever was folded in memory read again.
    """


class TransactionalWriter:
    """Writes transactions under one id, and fences whoever used that id before.

    librdkafka does not implement KIP-890, so after any error or time-out the producer is thrown
    away: a new one has a new epoch, which the old one's late EndTxn cannot pass. Every method but
    ``renew`` raises TransactionFailed.
    """

    def __init__(self, kafka: Kafka, transactional_id: str) -> None:
        self._kafka = kafka
        self._id = transactional_id
        self._offsets: list[int] = []
        self._failure: KafkaError | None = None
        self._producer = self._new_producer()

    def renew(self) -> None:
        """Throw the producer away and start a new one; raises BrokerUnavailable.

        Beginning under the same id aborts what the old one left open.
        """
        self._producer.purge(blocking=False)
        self._producer = self._new_producer()

    def begin(self) -> None:
        """Start a transaction."""
        self._offsets, self._failure = [], None
        try:
            self._producer.begin_transaction()
        except KafkaException as error:
            raise TransactionFailed(f"begin: {error}") from error

    def append(
        self,
        topic: Topic,
        partition: int,
        key: str | bytes,
        value: bytes,
        *,
        headers: Sequence[tuple[str, bytes]] = (),
        timestamp_ms: int = 0,
    ) -> int:
        """Write one record, and give the number under which ``settle`` tells its offset.

        Its time is now, unless ``timestamp_ms`` says otherwise.
        """
        number = len(self._offsets)
        self._offsets.append(-1)

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            if error is None:
                self._offsets[number] = message.offset() or 0
            else:
                self._failure = error

        try:
            self._producer.produce(
                self._kafka.topic(topic),
                partition=partition,
                key=key,
                value=value,
                headers=list(headers),
                timestamp=timestamp_ms,
                on_delivery=on_delivery,
            )
        except (KafkaException, BufferError) as error:
            raise TransactionFailed(f"append to {topic.name}: {error}") from error
        return number

    def settle(self) -> list[int]:
        """Wait until the broker has every record, and give their offsets in order."""
        left = self._producer.flush(_TIMEOUT_SECONDS)
        if self._failure or left:
            raise TransactionFailed(f"records were not acknowledged: {self._failure or 'time-out'}")
        return self._offsets

    def commit(self, reader: GroupReader, offsets: Mapping[Partition, int]) -> None:
        """Move the reader's group on and make everything visible, in one step."""
        producer, membership = self._producer, reader.membership()
        places = [
            TopicPartition(self._kafka.topic_prefix + topic, number, offset)
            for (topic, number), offset in offsets.items()
        ]

        def end() -> None:
            producer.send_offsets_to_transaction(places, membership, _TIMEOUT_SECONDS)
            producer.commit_transaction(_TIMEOUT_SECONDS)

        self._end(end)

    def commit_alone(self) -> None:
        """Make everything visible, in one step; no group's offsets are moved."""
        producer = self._producer
        self._end(lambda: producer.commit_transaction(_TIMEOUT_SECONDS))

    def _end(self, end: Callable[[], None]) -> None:
        try:
            within(_COMMIT_SECONDS, end)
        except (KafkaException, TimeoutError) as error:
            raise TransactionFailed(f"commit: {error or 'time-out'}") from error
        if self._failure:
            raise TransactionFailed(f"records were not acknowledged: {self._failure}")

    def _new_producer(self) -> Producer:
        producer = Producer(self._kafka.transactional_producer(self._id))
        try:
            producer.init_transactions(_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise BrokerUnavailable(f"starting transactions as {self._id}: {error}") from error
        return producer


def within(seconds: float, call: Callable[[], None]) -> None:
    """Call it and wait at most so long; raises TimeoutError, and what the call raises.

    librdkafka can ignore its own time-out for ever when the group's coordinator goes away at the
    wrong moment (confluentinc/librdkafka#5456). The call then stays behind in a thread of its own,
    with the producer that is thrown away; should it ever go on, the new producer has fenced it.
    """
    ended: Future[None] = Future()

    def run() -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            ended.set_exception(error)
        else:
            ended.set_result(None)

    Thread(target=run, name="transaction", daemon=True).start()
    ended.result(seconds)
