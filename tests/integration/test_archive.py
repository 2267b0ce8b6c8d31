"""A real log, exported, killed, gone on with and restored, by the command itself."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from avro_schemas.containers import LoggedRecord
from backup.errors import RestoreRefused
from backup.log_restore import LogRestorer
from backup.log_sources import COMPACTED_TOPICS, EVENT_TOPICS, KafkaLog
from backup.restore_target import LiveInstallation
from backup.verification import verify_archive
from domain.asset.events import AssetEvent
from infra.cassandra.schema import apply_keyspace
from infra.cassandra.view_store import CassandraViewStore
from infra.errors import BrokerUnavailable
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import GroupConsumer
from infra.kafka.offsets.group_offsets import GroupOffsets
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS
from infra.settings import CassandraSettings
from tests.contract.generations import planned
from tests.contract.view_store import checkpoint
from tests.integration.test_projections import append, history
from tests.support.servers import Servers

ROOT = Path(__file__).parents[2]
KILLED = 137
EVENTS = history(4)


@pytest.fixture
def cassandra(servers: Servers, keyspace: str) -> CassandraSettings:
    """A keyspace without any table: nothing was built there."""
    return CassandraSettings(
        host=servers.cassandra_host, port=servers.cassandra_port, keyspace=keyspace
    )


def made(servers: Servers, prefix: str) -> Kafka:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=prefix)
    apply_topics(kafka, (*EVENT_TOPICS, *COMPACTED_TOPICS, ASSET_COMMANDS))
    return kafka


def events(
    kafka: Kafka,
    cassandra: CassandraSettings,
    *words: str | Path,
    failpoint: str = "",
) -> "subprocess.CompletedProcess[str]":
    """Run ``scalehoster events …`` as an operator does."""
    host, _, port = kafka.bootstrap_servers.partition(":")
    return subprocess.run(
        [sys.executable, "-m", "cli", "events", *map(str, words), "--json"],
        cwd=ROOT,
        env={
            **os.environ,
            "SCALEHOSTER_KAFKA__HOST": host,
            "SCALEHOSTER_KAFKA__PORT": port,
            "SCALEHOSTER_KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
            "SCALEHOSTER_CASSANDRA__HOST": cassandra.host,
            "SCALEHOSTER_CASSANDRA__PORT": str(cassandra.port),
            "SCALEHOSTER_CASSANDRA__KEYSPACE": cassandra.keyspace,
            "SCALEHOSTER_FAILPOINT": failpoint,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def content(kafka: Kafka) -> dict[tuple[str, int], list[tuple[object, ...]]]:
    """Give all that a log holds but the offsets."""
    log = KafkaLog(kafka)
    return {
        (topic.name, number): [spelled(r) for r in log.records(topic, number, 0, end)]
        for topic in EVENT_TOPICS
        for number, end in log.ends(topic).items()
        if end
    }


def spelled(record: LoggedRecord) -> tuple[object, ...]:
    return record.timestamp_ms, record.key, record.headers, record.value


def test_a_log_is_exported_and_restored_through_kills(
    servers: Servers, topic_prefix: str, cassandra: CassandraSettings, tmp_path: Path
) -> None:
    source = made(servers, topic_prefix)
    append(source, EVENTS[:-5])
    archive = tmp_path / "archive"

    killed = events(source, cassandra, "export", archive, failpoint="export.after_manifest")
    assert killed.returncode == KILLED
    assert [finding.is_damage for finding in verify_archive(archive)] == [False]
    kept = {file: file.stat().st_mtime_ns for file in archive.rglob("*.avro")}
    append(source, EVENTS[-5:])
    exported = events(source, cassandra, "export", archive)
    assert exported.returncode == 0, exported.stderr
    assert sum(row["events"] for row in json.loads(exported.stdout)) == len(EVENTS)
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
    assert len(kept) == 1
    assert list(verify_archive(archive)) == []

    target = made(servers, f"{topic_prefix}again-")
    for failpoint in ("restore.before_commit", "restore.after_commit"):
        killed = events(target, cassandra, "restore", archive, failpoint=failpoint)
        assert killed.returncode == KILLED
    some = sum(map(len, content(target).values()))
    assert 0 < some < len(EVENTS)
    resumed = events(target, cassandra, "restore", archive)
    assert resumed.returncode == 0, resumed.stderr
    (told,) = json.loads(resumed.stdout)
    assert told == {
        "events": len(EVENTS),
        "appended now": len(EVENTS) - some,
        "keys added": 0,
        "erased again": 0,
    }
    assert content(target) == content(source)
    committed = GroupOffsets(target).committed("streams.dispatching", ASSET_EVENTS)
    ends = LogBounds(target).ends(ASSET_EVENTS)
    assert set(committed) == set(ends)
    assert all(committed[number] <= end for number, end in ends.items())
    assert any(committed[number] for number in ends)

    (asset_event,) = [event for event in EVENTS if isinstance(event, AssetEvent)][:1]
    append(target, [asset_event])  # whatever it is: the log has gone on
    with pytest.raises(RestoreRefused, match="not of this archive"):
        LogRestorer(archive, LiveInstallation(target, cassandra), lambda _done, _total: None).run()


def test_an_installation_in_use_is_named(
    servers: Servers, topic_prefix: str, cassandra: CassandraSettings
) -> None:
    kafka = made(servers, topic_prefix)
    target = LiveInstallation(kafka, cassandra)
    target.require_unused()
    with GroupConsumer(kafka, "command_api.decider", [ASSET_COMMANDS]) as reader:
        while not reader.assigned():
            with suppress(BrokerUnavailable):  # a new partition may have no leader yet
                reader.poll(1, 0.1)
        with pytest.raises(RestoreRefused, match=r"services run \(command_api.decider\)"):
            target.require_unused()
    target.require_unused()


def test_views_of_another_log_are_named(
    servers: Servers, topic_prefix: str, cassandra: CassandraSettings
) -> None:
    target = LiveInstallation(made(servers, topic_prefix), cassandra)
    apply_keyspace(cassandra)
    store = CassandraViewStore.connect(cassandra)
    store.generations.add(planned("categories"))
    target.require_unused()
    store.save([checkpoint(7)])
    store.close()
    with pytest.raises(RestoreRefused, match=r"another log \(categories\): drop it"):
        target.require_unused()
