"""The decider's loop without a broker: what it does, and in which order."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from avro_schemas.codec import decode, encode
from command_api.decider.command_batch import CommandDecision
from command_api.decider.decider import new_decider
from command_api.decider.folded_state import AssetKey, Remembered, StateChanges
from domain.asset import Asset
from domain.asset.commands import AssetCommand
from domain.asset.events import AssetSubmitted
from domain.category import EMPTY_CATALOGUE, Catalogue, decide, evolve
from domain.category.commands import CatalogueCommand
from domain.values import CommandId, TenantId
from infra.decider_runtime.runtime import DeciderRuntime
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record
from infra.kafka.topics import Topic
from tests.support.samples import NOON, create_category, metadata, submit

Decider = DeciderRuntime[AssetCommand | CatalogueCommand, CommandDecision]

(CREATED,) = decide(create_category("cats"), EMPTY_CATALOGUE, NOON)
ASSETS = ("0190b6f0-0000-7000-8000-000000000001", "0190b6f0-0000-7000-8000-000000000002")


class Broker:
    """Stands for every client of Kafka; ``done`` is what was asked of it, in order."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.done: list[str] = []
        self.appended: list[tuple[str, bytes]] = []

    # a member of the group
    def poll(self, _at_most: int, _timeout_seconds: float) -> list[Record]:
        records, self.records = self.records, []
        return records

    # a writer of transactions
    id = "decider-test"

    def begin(self) -> None:
        self.done.append("begin")

    def append(self, topic: Topic, _partition: int, _key: object, value: bytes, **_: object) -> int:
        self.done.append(f"append to {topic.name}")
        self.appended.append((topic.name, value))
        return len(self.appended) - 1

    def flush(self) -> list[int]:
        return list(range(len(self.appended)))

    def commit(self, _reader: object, _offsets: Mapping[Partition, int]) -> None:
        self.done.append("commit")

    # the recovery of hanging transactions
    def look(self, _own_id: str) -> None: ...

    def note(self, offsets: Mapping[Partition, int]) -> None: ...


class Catalogues:
    """Knows of a category only once it caught up."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._tree = EMPTY_CATALOGUE

    def of(self, _tenant_id: TenantId) -> Catalogue:
        return self._tree

    def remembered(self, _command_id: CommandId) -> Remembered | None:
        return None

    def follow(self) -> None: ...

    def catch_up(self) -> None:
        self._broker.done.append("catch up")
        if self._broker.done.count("catch up") > 1:  # after the one at the start
            self._tree = evolve(EMPTY_CATALOGUE, CREATED)


class State:
    """Has folded nothing."""

    def asset(self, _partition: int, _key: AssetKey) -> Asset | None:
        return None

    def remembered(self, _partition: int, _command_id: CommandId) -> Remembered | None:
        return None

    def apply(self, _partition: int, changes: StateChanges, _next_offset: int) -> None: ...


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    broker = Broker()

    def put(name: str, made: Callable[..., Any]) -> None:
        monkeypatch.setattr(name, made)

    for name in (
        "TransactionalProducer",
        "OpenTransactionScanner",
        "HangingTransactionRecovery",
        "GroupConsumer",
    ):
        put(f"infra.decider_runtime.runtime.{name}", lambda *_, **__: broker)
    put("command_api.decider.partition_catch_up.OpenTransactionScanner", lambda *_: broker)
    put("command_api.decider.decider.CatalogueTable", lambda _: Catalogues(broker))
    return broker


@pytest.fixture
def decider(broker: Broker) -> Decider:
    kafka = Kafka(bootstrap_servers="127.0.0.1:1", topic_prefix="")
    decider = new_decider(kafka, State(), "test", lambda: NOON)  # type: ignore[arg-type] # a fake
    decider.must_recover = False  # nothing was left open, and nothing has to be folded
    return decider


def record(offset: int, value: bytes) -> Record:
    return Record(
        topic="asset-commands",
        partition=0,
        offset=offset,
        key=b"k",
        value=value,
        timestamp_ms=0,
    )


def test_no_transaction_is_open_while_a_decision_waits_for_those_of_others(
    decider: Decider, broker: Broker
) -> None:
    first, second = (submit(metadata(asset_id), "cats") for asset_id in ASSETS)
    broker.records = [record(0, b"junk"), record(1, encode(first)), record(2, encode(second))]

    assert decider.step() == 3

    assert broker.done == [
        *("catch up", "catch up", "begin", "append to commands.dead-letters"),
        *("append to asset-events", "append to asset-events", "commit"),
    ]
    events = [decode(value) for topic, value in broker.appended if topic == "asset-events"]
    assert [type(event) for event in events] == [AssetSubmitted] * 2
