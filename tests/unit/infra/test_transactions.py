from collections.abc import Callable, Mapping
from threading import Event
from typing import ClassVar

import pytest
from confluent_kafka import KafkaError

from infra.kafka import Kafka
from infra.transactions import TransactionalWriter, TransactionFailed, within


class Producer:
    """Begins whatever it is asked to, and hands its trouble over when it is polled."""

    made: ClassVar[list["Producer"]] = []

    def __init__(self, config: Mapping[str, Callable[[KafkaError], None]]) -> None:
        self._on_error = config["error_cb"]
        self.troubles: list[KafkaError] = []
        self.made.append(self)

    def init_transactions(self, timeout: float) -> None: ...

    def purge(self, *, blocking: bool) -> None: ...

    def begin_transaction(self) -> None: ...

    def poll(self, timeout: float) -> None:
        assert timeout == 0
        while self.troubles:
            self._on_error(self.troubles.pop())


def test_no_transaction_is_begun_where_the_one_before_may_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("infra.transactions.Producer", Producer)
    writer = TransactionalWriter(Kafka(bootstrap_servers="127.0.0.1:1"), "test")
    writer.begin()
    Producer.made[-1].troubles = [KafkaError(KafkaError._TRANSPORT)]  # noqa: SLF001 - librdkafka's own name
    writer.begin()  # one broker of many
    Producer.made[-1].troubles = [KafkaError(KafkaError._ALL_BROKERS_DOWN)]  # noqa: SLF001 - as above
    with pytest.raises(TransactionFailed, match="out of reach"):
        writer.begin()
    writer.renew()
    writer.begin()


def test_a_call_that_never_returns_is_left_behind() -> None:
    never = Event()

    def hang() -> None:
        never.wait()

    with pytest.raises(TimeoutError):
        within(0.01, hang)
    never.set()


def test_what_a_call_raises_is_raised() -> None:
    def fails() -> None:
        raise OSError("no broker")

    with pytest.raises(OSError, match="no broker"):
        within(5, fails)


def test_a_call_that_returns_is_waited_for() -> None:
    done: list[int] = []
    within(5, lambda: done.append(1))
    assert done == [1]
