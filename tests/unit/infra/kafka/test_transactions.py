from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event
from typing import ClassVar

import pytest
from confluent_kafka import KafkaError

from infra.errors import RecordRefused
from infra.kafka.client import Kafka
from infra.kafka.topics import ASSET_EVENTS, LARGEST_RECORD_BYTES
from infra.kafka.transactions import (
    RecordsRefused,
    TransactionalProducer,
    TransactionFailed,
    run_within,
)


@dataclass(frozen=True)
class Message:
    """A report of delivery."""

    place: int | None

    def offset(self) -> int | None:
        return self.place


class Producer:
    """Begins whatever it is asked to, and hands its trouble over when it is polled."""

    made: ClassVar[list["Producer"]] = []

    def __init__(self, config: Mapping[str, Callable[[KafkaError], None]]) -> None:
        self._on_error = config["error_cb"]
        self.troubles: list[KafkaError] = []
        self.told: list[Message] = []
        self.errors: list[KafkaError | None] = []
        self.commits = 0
        self._reports: list[Callable[[KafkaError | None, Message], None]] = []
        self.made.append(self)

    def init_transactions(self, timeout: float) -> None: ...

    def purge(self, *, blocking: bool) -> None: ...

    def begin_transaction(self) -> None: ...

    def produce(
        self, *_: object, on_delivery: Callable[[KafkaError | None, Message], None], **__: object
    ) -> None:
        self._reports.append(on_delivery)

    def flush(self, timeout: float) -> int:
        assert timeout > 0
        while self._reports:
            error = self.errors.pop(0) if self.errors else None
            self._reports.pop(0)(error, self.told.pop(0))
        return 0

    def commit_transaction(self, timeout: float) -> None:
        assert timeout > 0
        self.commits += 1

    def poll(self, timeout: float) -> None:
        assert timeout == 0
        while self.troubles:
            self._on_error(self.troubles.pop())


def test_no_transaction_is_begun_where_the_one_before_may_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("infra.kafka.transactions.Producer", Producer)
    writer = TransactionalProducer(Kafka(bootstrap_servers="127.0.0.1:1"), "test")
    writer.begin()
    Producer.made[-1].troubles = [KafkaError(KafkaError._TRANSPORT)]  # noqa: SLF001 - librdkafka's own name
    writer.begin()  # one broker of many
    Producer.made[-1].troubles = [KafkaError(KafkaError._ALL_BROKERS_DOWN)]  # noqa: SLF001 - as above
    with pytest.raises(TransactionFailed, match="out of reach"):
        writer.begin()
    writer.renew()
    writer.begin()


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> TransactionalProducer:
    monkeypatch.setattr("infra.kafka.transactions.Producer", Producer)
    writer = TransactionalProducer(Kafka(bootstrap_servers="127.0.0.1:1"), "test")
    writer.begin()
    for _ in range(2):
        writer.append(ASSET_EVENTS, 0, b"k", b"v")
    return writer


def test_what_was_delivered_lies_where_it_is_said_to(writer: TransactionalProducer) -> None:
    Producer.made[-1].told = [Message(7), Message(8)]
    assert writer.flush() == [7, 8]
    writer.commit_alone()
    assert Producer.made[-1].commits == 1


def test_what_was_delivered_nowhere_is_not_committed(writer: TransactionalProducer) -> None:
    """Librdkafka concludes it from a later batch, which proves nothing."""
    Producer.made[-1].told = [Message(None), Message(7)]
    with pytest.raises(TransactionFailed, match="not where"):
        writer.commit_alone()
    with pytest.raises(TransactionFailed, match="not where"):
        writer.flush()
    assert Producer.made[-1].commits == 0


def test_what_is_too_large_is_refused_before_anything_is_written(
    writer: TransactionalProducer,
) -> None:
    with pytest.raises(RecordRefused, match="larger than asset-events takes"):
        writer.append(ASSET_EVENTS, 0, b"k", b"x" * LARGEST_RECORD_BYTES)
    Producer.made[-1].told = [Message(7), Message(8)]
    assert writer.flush() == [7, 8]


def test_records_that_can_never_be_written_are_no_outage(writer: TransactionalProducer) -> None:
    Producer.made[-1].errors = [None, KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)]
    Producer.made[-1].told = [Message(7), Message(None)]
    with pytest.raises(RecordsRefused):
        writer.flush()


def test_a_call_that_never_returns_is_left_behind() -> None:
    never = Event()

    def hang() -> None:
        never.wait()

    with pytest.raises(TimeoutError):
        run_within(0.01, hang)
    never.set()


def test_what_a_call_raises_is_raised() -> None:
    def fails() -> None:
        raise OSError("no broker")

    with pytest.raises(OSError, match="no broker"):
        run_within(5, fails)


def test_a_call_that_returns_is_waited_for() -> None:
    done: list[int] = []
    run_within(5, lambda: done.append(1))
    assert done == [1]
