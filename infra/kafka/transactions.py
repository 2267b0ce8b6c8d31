"""The transactional producer: appends records and commits offsets, both or neither."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from threading import Event, Thread

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from infra.errors import BrokerUnavailable
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import GroupConsumer, Partition
from infra.kafka.producer import WITHOUT_AN_OFFSET
from infra.kafka.provenance import Provenance
from infra.kafka.record_limits import is_about_the_record, require_writable
from infra.kafka.topics import ASSET_COMMANDS, Topic

_TIMEOUT_SECONDS = 15.0
_COMMIT_SECONDS = 20.0


class TransactionFailed(BrokerUnavailable):
    """A transaction could not be ended, so nobody knows yet whether it took effect.

    The writer must be renewed, which resolves it, and whatever was folded in memory read again.
    """


class RecordsRefused(TransactionFailed):
    """The broker took a transaction's records for such as can never be written.

    Which of them is meant is not known: with one record its whole batch is refused.
    """


class TransactionalProducer:
    """Writes transactions under one id, and fences whoever used that id before, at its first one.

    librdkafka does not implement KIP-890, so after any error or time-out the producer is thrown
    away: a new one has a new epoch, which the old one's late EndTxn cannot pass. So it must be when
    every broker was out of reach for a moment: they may have forgotten to end the transaction
    before, and the next one must not lie on top of it. Every method but ``renew`` raises
    TransactionFailed, and those that write RecordsRefused.
    """

    def __init__(self, kafka: Kafka, transactional_id: str) -> None:
        self._kafka = kafka
        self._id = transactional_id
        self._offsets: list[int] = []
        self._failures: list[KafkaError | str] = []
        self._is_unreachable = Event()  # set once no broker can be reached
        self._is_ready = False
        self._producer = self._new_producer()

    @property
    def id(self) -> str:
        """Whose transactions these are."""
        return self._id

    def renew(self) -> None:
        """Throw the producer away and start a new one; raises BrokerUnavailable.

        Beginning under the same id aborts what the old one left open.
        """
        self._producer.purge(blocking=False)
        self._is_ready = False
        self._producer = self._new_producer()
        self._make_ready()

    def begin(self) -> None:
        """Start a transaction."""
        if not self._is_ready:
            self._make_ready()
        self._offsets, self._failures = [], []
        self._producer.poll(0)
        if self._is_unreachable.is_set():
            raise TransactionFailed("begin: the broker was out of reach since the last one")
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
        """Write one record, and give the number under which ``flush`` gives its offset.

        Its time is now, unless ``timestamp_ms`` says otherwise. Raises RecordRefused for a record
        that is too large; the transaction can go on without it.
        """
        require_writable(topic, key, value, headers)
        offsets, failures = self._offsets, self._failures  # of this transaction, however late
        number = len(offsets)
        offsets.append(-1)

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            offset = message.offset()
            if error is None and offset is not None:
                offsets[number] = offset
            else:
                failures.append(error or WITHOUT_AN_OFFSET)

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

    def flush(self) -> list[int]:
        """Wait until the broker has every record, and give their offsets in order."""
        _flush(self._producer, self._failures)
        return self._offsets

    def commit(self, reader: GroupConsumer, offsets: Mapping[Partition, int]) -> None:
        """Move the reader's group on and make everything visible, in one step."""
        producer, failures = self._producer, self._failures
        membership = reader.membership()
        places = [
            TopicPartition(self._kafka.topic_prefix + topic, number, offset)
            for (topic, number), offset in offsets.items()
        ]

        def end() -> None:
            producer.send_offsets_to_transaction(places, membership, _TIMEOUT_SECONDS)
            _flush(producer, failures)
            producer.commit_transaction(_TIMEOUT_SECONDS)

        self._end(end)

    def commit_alone(self) -> None:
        """Make everything visible, in one step; no group's offsets are moved."""
        producer, failures = self._producer, self._failures

        def end() -> None:
            _flush(producer, failures)
            producer.commit_transaction(_TIMEOUT_SECONDS)

        self._end(end)

    def _end(self, end: Callable[[], None]) -> None:
        try:
            run_within(_COMMIT_SECONDS, end)
        except (KafkaException, TimeoutError) as error:
            raise TransactionFailed(f"commit: {error or 'time-out'}") from error

    def end_hanging(
        self, partitions: Collection[Partition], *, is_committed: bool, group: str | None
    ) -> None:
        """End what an earlier transaction of this id left open there, and in the group's offsets.

        The broker ends a transaction per partition by one control marker, which ends all that is
        open of the same id. So a transaction of records without content is run through these
        partitions. Where it is committed they stay, and every reader passes over them.
        """
        producer = self._producer
        self.begin()
        try:
            for topic, number in partitions:
                producer.produce(
                    self._kafka.topic_prefix + topic,
                    partition=number,
                    headers=list(Provenance(writer=self._id, command=("", 0), offset=0).headers),
                )
        except (KafkaException, BufferError) as error:
            raise TransactionFailed(f"ending what hangs: {error}") from error
        self._end(lambda: self._run_through(producer, group, is_committed=is_committed))

    def _run_through(self, producer: Producer, group: str | None, *, is_committed: bool) -> None:
        if producer.flush(_TIMEOUT_SECONDS):
            raise TimeoutError
        if group is not None:
            with closing(Consumer(self._kafka.group_reader(group))) as nobody:
                places = [TopicPartition(self._kafka.topic(ASSET_COMMANDS), 0, 0)]
                membership = nobody.consumer_group_metadata()
                producer.send_offsets_to_transaction(places, membership, _TIMEOUT_SECONDS)
        if is_committed:
            producer.commit_transaction(_TIMEOUT_SECONDS)
        else:
            producer.abort_transaction(_TIMEOUT_SECONDS)

    def _new_producer(self) -> Producer:
        self._is_unreachable = is_unreachable = Event()

        def on_error(error: KafkaError) -> None:
            if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - librdkafka's own name
                is_unreachable.set()

        config = self._kafka.transactional_producer(self._id)
        return Producer({**config, "error_cb": on_error})

    def _make_ready(self) -> None:
        try:
            self._producer.init_transactions(_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise TransactionFailed(f"starting transactions as {self._id}: {error}") from error
        self._producer.poll(0)
        self._is_unreachable.clear()  # what went wrong until here went wrong before the first one
        self._is_ready = True


def _flush(producer: Producer, failures: list[KafkaError | str]) -> None:
    left = producer.flush(_TIMEOUT_SECONDS)
    refused = [each for each in failures if isinstance(each, KafkaError)]
    if any(map(is_about_the_record, refused)):
        raise RecordsRefused(f"records cannot be written: {refused[0]}")
    if failures or left:
        raise TransactionFailed(f"records were not acknowledged: {[*failures, 'time-out'][0]}")


def run_within(seconds: float, call: Callable[[], None]) -> None:
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
