"""What lies behind an open transaction, on a real broker."""

import pytest

from infra.errors import BrokerUnavailable
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.hanging_transactions.open_transactions import OpenTransactionScanner
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.provenance import Provenance
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS, COMMAND_RESULTS
from infra.kafka.transactions import TransactionalProducer
from tests.support.servers import Servers

PLACE = (ASSET_EVENTS.name, 5)


@pytest.fixture
def kafka(servers: Servers, topic_prefix: str) -> Kafka:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka)
    return kafka


@pytest.fixture
def tails(kafka: Kafka) -> OpenTransactionScanner:
    return OpenTransactionScanner(kafka, (ASSET_EVENTS, COMMAND_RESULTS))


def mark(offset: int) -> Provenance:
    return Provenance(writer="decider-test-0", command=(ASSET_COMMANDS.name, 5), offset=offset)


def test_an_open_transaction_is_seen_with_its_writer_and_its_commands(
    kafka: Kafka, tails: OpenTransactionScanner
) -> None:
    assert tails.read() == []
    writer = TransactionalProducer(kafka, "decider-test-0")
    writer.begin()
    for offset in (7, 8):
        writer.append(ASSET_EVENTS, 5, b"k", b"v", headers=mark(offset).headers)
    writer.flush()
    (tail,) = tails.read()
    assert (tail.partition, tail.start, tail.holder) == (PLACE, 0, "decider-test-0")
    assert [trace.provenance for trace in tail.traces] == [mark(7), mark(8)]
    assert tails.starts() == {PLACE: 0}
    assert list(tails.seen_since(0)) == []
    writer.renew()  # which aborts it
    tails.wait_until_moved({PLACE: 0})
    tails.wait_until_closed([PLACE])
    assert tails.read() == []
    assert list(tails.seen_since(0)) == []


def test_a_transaction_that_stays_open_is_not_waited_for_without_end(
    kafka: Kafka, tails: OpenTransactionScanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.kafka.hanging_transactions.open_transactions._TIMEOUT_SECONDS", 0.0)
    writer = TransactionalProducer(kafka, "decider-test-0")
    writer.begin()
    writer.append(ASSET_EVENTS, 5, b"k", b"v", headers=mark(7).headers)
    writer.flush()
    with pytest.raises(BrokerUnavailable, match="asset-events"):
        tails.wait_until_closed([PLACE])
    writer.renew()


@pytest.mark.parametrize("is_committed", [True, False])
def test_what_only_ends_a_transaction_is_shown_to_no_reader(
    kafka: Kafka, tails: OpenTransactionScanner, *, is_committed: bool
) -> None:
    writer = TransactionalProducer(kafka, "decider-test-0")
    writer.end_hanging([PLACE], is_committed=is_committed, group="deciders")
    tails.wait_until_moved({PLACE: 0})
    with read_from_beginning(kafka, ASSET_EVENTS) as reader:
        assert list(reader.read_to_end()) == []
        assert reader.position(5) == 2  # the record, and the marker
    assert len(list(tails.seen_since(0))) == is_committed
