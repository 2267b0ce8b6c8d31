"""A Kafka that is killed forgets to end a transaction, and the decider ends it."""

from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import KafkaException, TopicPartition

from command_api.decider.open_tails import OpenTails
from domain.commands import Command
from domain.outcomes import CommandAccepted
from infra.cluster.kafka import KafkaServer
from infra.errors import BrokerUnavailable
from infra.group_reading import GroupReader, Partition
from infra.kafka import Kafka
from infra.reading import whole
from infra.topic_admin import apply_topics
from infra.topics import ASSET_EVENTS, COMMAND_RESULTS
from infra.transactions import TransactionalWriter, TransactionFailed
from tests.eventually import eventually
from tests.forged_ends import forge_commit
from tests.integration.test_decider import events, outcomes, running, send
from tests.mutants import SOAK
from tests.samples import ACME, create_category, metadata, publish, submit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        SOAK == 1,  # what a broker forgets is up to it, and how long it takes as well
        reason="kills a Kafka of its own until it forgets something: SCALEHOSTER_TEST_SOAK=2",
    ),
]


def test_a_commit_that_was_seen_in_one_partition_takes_effect_in_all(
    kafka_to_kill: KafkaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka = Kafka(bootstrap_servers=kafka_to_kill.address)
    apply_topics(kafka)
    commit = TransactionalWriter.commit
    fate: list[str] = []

    def commit_or_die(
        writer: TransactionalWriter, reader: GroupReader, offsets: Mapping[Partition, int]
    ) -> None:
        """Commit, and let the answers be told alone: neither events nor offsets are."""
        if fate != ["doomed"]:
            return commit(writer, reader, offsets)
        writer.settle()
        places = [TopicPartition(topic, number, at) for (topic, number), at in offsets.items()]
        writer._producer.send_offsets_to_transaction(places, reader.membership(), 30)  # noqa: SLF001 - half a commit
        told = {COMMAND_RESULTS.name: range(COMMAND_RESULTS.partitions)}
        forge_commit(kafka_to_kill.address, writer.id, told)
        kafka_to_kill.kill()
        kafka_to_kill.start()
        fate.append("back")
        raise TransactionFailed("the broker died")

    monkeypatch.setattr(TransactionalWriter, "commit", commit_or_die)
    wish = submit(metadata(str(uuid4()), key="k", fingerprint="f", reply_partition=3), "cats")
    with running(kafka, tmp_path / "state"):
        category = create_category("cats", about=metadata(ACME, reply_partition=3))
        send_at_last(kafka, category)
        eventually(lambda: told(kafka, category.metadata.command_id), within_seconds=150)
        fate.append("doomed")
        send_at_last(kafka, wish)
        eventually(lambda: "back" in fate, within_seconds=150)
        further = publish(metadata(wish.metadata.entity_id, reply_partition=4))
        send_at_last(kafka, further)
        eventually(lambda: told(kafka, further.metadata.command_id), within_seconds=150)
    assert [name for *_, name in events(kafka)] == ["AssetSubmitted", "AssetPublished"]
    assert [version for _, version, _ in events(kafka)] == [1, 2]
    answer, *again = outcomes(kafka)[wish.metadata.command_id]
    assert all(each == answer for each in again)
    assert isinstance(answer, CommandAccepted)
    # Usually the place where it has lain from the first. But this broker, too, may forget by itself
    # even what it was to tell; then nobody was told, and it was taken back and decided again.
    with whole(kafka, ASSET_EVENTS) as reader:
        lies = [f"{r.topic}:{r.partition}:{r.offset}" for r in reader.read_to_end()]
    assert answer.position == lies[0]
    assert OpenTails(kafka, (ASSET_EVENTS, COMMAND_RESULTS)).starts() == {}


def send_at_last(kafka: Kafka, command: Command) -> None:
    """Send until the broker says that it has it, once or twice: it is decided once."""

    def sent() -> bool:
        try:
            send(kafka, command)
        except BrokerUnavailable:
            return False
        return True

    eventually(sent, within_seconds=150)


def told(kafka: Kafka, command_id: str) -> bool:
    """Say whether a command was answered; the broker may just be coming back."""
    try:
        return command_id in outcomes(kafka)
    except (BrokerUnavailable, KafkaException):
        return False
