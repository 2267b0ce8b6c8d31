"""A Kafka that is killed forgets to end a transaction, and the decider ends it."""

from pathlib import Path
from uuid import uuid4

import pytest

from domain.outcomes import CommandAccepted
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.hanging_transactions.open_transactions import OpenTransactionScanner
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.topics import ASSET_EVENTS, COMMAND_RESULTS
from infra.local_cluster.kafka_server import KafkaServer
from tests.integration.test_decider import events, outcomes, running, send_at_last, told
from tests.support.eventually import eventually
from tests.support.forged_ends import DoomedCommit
from tests.support.mutants import SOAK
from tests.support.samples import ACME, create_category, metadata, publish, submit

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
    commit = DoomedCommit(kafka_to_kill, monkeypatch)
    wish = submit(metadata(str(uuid4()), key="k", fingerprint="f", reply_partition=3), "cats")
    with running(kafka, tmp_path / "state"):
        category = create_category("cats", about=metadata(ACME, reply_partition=3))
        send_at_last(kafka, category)
        eventually(lambda: told(kafka, category.metadata.command_id), within_seconds=150)
        commit.doom({COMMAND_RESULTS.name: range(COMMAND_RESULTS.partitions)})
        send_at_last(kafka, wish)
        eventually(lambda: commit.has_struck, within_seconds=150)
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
    with read_from_beginning(kafka, ASSET_EVENTS) as reader:
        lies = [f"{r.topic}:{r.partition}:{r.offset}" for r in reader.read_to_end()]
    assert answer.position == lies[0]
    assert OpenTransactionScanner(kafka, (ASSET_EVENTS, COMMAND_RESULTS)).starts() == {}
