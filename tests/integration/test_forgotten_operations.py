"""A Kafka that is killed forgets to end a transaction of the operator's ledger, which ends it."""

from collections.abc import Callable, Iterator

import pytest

from avro_schemas.codec import decode
from domain.bulk_operation.events import OperationEvent
from domain.bulk_operation.progress import selection_events
from domain.outcomes import CommandAccepted
from infra.errors import BrokerUnavailable
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.hanging_transactions.open_transactions import OpenTransactionScanner
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.topics import COMMAND_RESULTS, OPERATION_EVENTS
from infra.local_cluster.kafka_server import KafkaServer
from streams.bulk_operations.operation_decider import OperationDecider
from tests.integration.test_decider import outcomes, send_at_last, told
from tests.support.bulk_operations import OPERATION, instructions, start
from tests.support.eventually import eventually
from tests.support.forged_ends import DoomedCommit
from tests.support.mutants import SOAK
from tests.support.samples import NOON, metadata

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        SOAK == 1, reason="kills a Kafka of its own over each commit: SCALEHOSTER_TEST_SOAK=2"
    ),
]

_OFFSETS = {"__consumer_offsets": range(6)}
_ANSWERS = {COMMAND_RESULTS.name: range(COMMAND_RESULTS.partitions)}


class Owner:
    """A ledger, and the loop that starts over after any trouble."""

    def __init__(self, kafka: Kafka) -> None:
        self.decider = OperationDecider(kafka, "test", lambda: NOON)

    def goes_on_until(self, probe: Callable[[], bool]) -> None:
        eventually(lambda: self._step() and probe(), within_seconds=200)

    def _step(self) -> bool:
        try:
            self.decider.step(0.1)
        except BrokerUnavailable:
            self.decider.must_recover = True
        return not self.decider.must_recover

    def fails(self, call: Callable[[], None]) -> None:
        with pytest.raises(BrokerUnavailable):
            call()
        self.decider.must_recover = True


@pytest.fixture
def kafka(kafka_to_kill: KafkaServer) -> Kafka:
    kafka = Kafka(bootstrap_servers=kafka_to_kill.address)
    apply_topics(kafka)
    return kafka


@pytest.fixture
def owner(kafka: Kafka) -> Iterator[Owner]:
    owner = Owner(kafka)
    yield owner
    owner.decider.close()


def test_what_was_told_of_an_operation_takes_effect_wherever_it_was_forgotten(
    kafka: Kafka, owner: Owner, kafka_to_kill: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = DoomedCommit(kafka_to_kill, monkeypatch)
    owner.goes_on_until(lambda: True)
    about = metadata(OPERATION, fingerprint="f", reply_partition=3)
    wish = start(instructions("delete"), about=about)
    send_at_last(kafka, wish)
    commit.doom(_ANSWERS)
    owner.goes_on_until(lambda: commit.has_struck and told(kafka, about.command_id))
    assert events(kafka) == ["OperationStarted"]
    answer, *again = outcomes(kafka)[about.command_id]
    assert all(each == answer for each in again)
    assert isinstance(answer, CommandAccepted)
    with read_from_beginning(kafka, OPERATION_EVENTS) as reader:
        lies = [f"{r.topic}:{r.partition}:{r.offset}" for r in reader.read_to_end()]
    assert answer.position == lies[0]

    owner.goes_on_until(lambda: len(owner.decider.under_way()) == 1)
    (tracked,) = owner.decider.under_way()
    found = selection_events(tracked.operation, ["a", "b"], after="", is_last=True, now=NOON)
    commit.doom(_OFFSETS)
    owner.fails(lambda: owner.decider.note(tracked, found))
    owner.goes_on_until(lambda: len(owner.decider.under_way()) == 1)
    (tracked,) = owner.decider.under_way()
    assert tracked.operation.is_selected
    assert owner.decider.items(tracked) == ["a", "b"]
    assert events(kafka) == ["OperationStarted", "OperationSelected"]
    assert OpenTransactionScanner(kafka, (OPERATION_EVENTS, COMMAND_RESULTS)).starts() == {}


def events(kafka: Kafka) -> list[str]:
    with read_from_beginning(kafka, OPERATION_EVENTS) as reader:
        found = [decode(record.value) for record in reader.read_to_end()]
    return [type(each).__name__ for each in found if isinstance(each, OperationEvent)]
