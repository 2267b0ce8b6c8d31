"""The operator as it runs: killed in the middle it goes on, and changes each asset once."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from avro_schemas.codec import encode
from domain.asset.events import AssetDescribed
from domain.bulk_operation.events import OperationEnded, OperationProgressed
from domain.commands import Command
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.provenance import PROVENANCE_HEADER
from infra.kafka.topics import (
    ASSET_COMMANDS,
    ASSET_EVENTS,
    CATEGORY_COMMANDS,
    CATEGORY_EVENTS,
    OPERATION_COMMANDS,
    OPERATION_EVENTS,
    Topic,
)
from infra.settings import CassandraSettings
from read_models.installation import apply_views
from tests.support.bulk_operations import (
    OPERATION,
    REVERT,
    in_category,
    instructions,
    revert,
    start,
)
from tests.support.eventually import eventually
from tests.support.samples import ACME, create_category, metadata, submit
from tests.support.servers import Servers
from tests.support.stream_processes import KILLED, StreamProcesses

ASSETS = [f"0190b6f0-0000-7000-8000-{number:012d}" for number in range(25)]
OPERATOR = "streams.bulk_operations"
SECONDS = 60.0


class Platform:
    """A decider, the projections, and an operator that is started again and again."""

    def __init__(self, processes: StreamProcesses, environment: dict[str, str]) -> None:
        self.processes = processes
        self._environment = environment
        for module in ("command_api.decider", "projections"):
            processes.start(module, **environment)

    def operate_until(self, failpoint: str) -> None:
        """Start an operator and wait until it has died at this place."""
        process = self.processes.start(
            OPERATOR, **self._environment, SCALEHOSTER_FAILPOINT=failpoint
        )
        assert process.wait(timeout=SECONDS) == KILLED

    def operate(self) -> None:
        self.processes.start(OPERATOR, **self._environment)

    def send(self, topic: Topic, *commands: Command) -> None:
        def key(command: Command) -> str:
            return command.metadata.entity_id if topic is ASSET_COMMANDS else ACME

        self.processes.send(topic, *((key(each), encode(each)) for each in commands))  # type: ignore[arg-type] # each is a message

    def count(self, topic: Topic) -> int:
        return len(self.processes.messages(topic))

    def marks(self, topic: Topic) -> list[bytes]:
        """Say of each record whose it is, by which its transaction can be ended by others."""
        with read_from_beginning(self.processes.kafka, topic) as reader:
            return [dict(record.headers)[PROVENANCE_HEADER] for record in reader.read_to_end()]

    def ended(self, operation_id: str) -> bool:
        return any(
            isinstance(event, OperationEnded) and event.metadata.entity_id == operation_id
            for event in self.processes.messages(OPERATION_EVENTS)
        )

    def outcomes(self, operation_id: str) -> Counter[str]:
        """Count the results of an operation; each item must be there once."""
        found = [
            outcome
            for event in self.processes.messages(OPERATION_EVENTS)
            if isinstance(event, OperationProgressed) and event.metadata.entity_id == operation_id
            for outcome in event.outcomes
        ]
        assert sorted(outcome.item for outcome in found) == ASSETS
        return Counter(outcome.result for outcome in found)

    def described(self) -> Counter[str]:
        return Counter(
            event.asset_id
            for event in self.processes.messages(ASSET_EVENTS)
            if isinstance(event, AssetDescribed)
        )


@pytest.fixture
def platform(
    servers: Servers, topic_prefix: str, keyspace: str, tmp_path: Path
) -> Iterator[Platform]:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka)
    cassandra = CassandraSettings(
        host=servers.cassandra_host, port=servers.cassandra_port, keyspace=keyspace
    )
    apply_views(cassandra)
    environment = {
        "SCALEHOSTER_CASSANDRA__HOST": cassandra.host,
        "SCALEHOSTER_CASSANDRA__PORT": str(cassandra.port),
        "SCALEHOSTER_CASSANDRA__KEYSPACE": keyspace,
    }
    with ExitStack() as stack:
        processes = StreamProcesses(kafka=kafka, folder=tmp_path, allowed_origin="", stack=stack)
        yield Platform(processes, environment)


def test_an_operator_that_is_killed_goes_on_and_changes_each_asset_once(
    platform: Platform,
) -> None:
    platform.send(CATEGORY_COMMANDS, create_category("cats"))
    eventually(lambda: platform.count(CATEGORY_EVENTS) == 1, within_seconds=SECONDS)
    platform.send(ASSET_COMMANDS, *(submit(metadata(asset_id), "cats") for asset_id in ASSETS))
    eventually(lambda: platform.count(ASSET_EVENTS) == len(ASSETS), within_seconds=SECONDS)
    wish = start(instructions("tag", tags=("new",)), in_category("cats"), per_second=20)
    platform.send(OPERATION_COMMANDS, wish)
    platform.operate_until("operator.after_ask_before_note")
    assert set(platform.described()) <= set(ASSETS)
    platform.operate_until("operator.after_note")
    platform.operate()
    eventually(lambda: platform.ended(OPERATION), within_seconds=SECONDS)
    assert platform.outcomes(OPERATION) == {"changed": len(ASSETS)}
    assert platform.described() == Counter(ASSETS)

    platform.send(OPERATION_COMMANDS, revert())
    eventually(lambda: platform.ended(REVERT), within_seconds=SECONDS)
    assert platform.outcomes(REVERT) == {"changed": len(ASSETS)}
    assert platform.described() == Counter(ASSETS + ASSETS)
    assert all(mark.startswith(b"operator-") for mark in platform.marks(OPERATION_EVENTS))
