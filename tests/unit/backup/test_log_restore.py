"""A restored log is the exported one; into anything else nothing is restored."""

from dataclasses import replace
from pathlib import Path

import pytest

from avro_schemas.codec import decode
from avro_schemas.containers import LoggedRecord
from backup import manifest as manifests
from backup.errors import ArchiveDamaged, NotAnArchive, RestoreRefused
from backup.log_restore import LogRestorer, RestoreResult
from backup.log_sources import to_logged_record
from backup.manifest import Chunk, Manifest
from backup.restore_target import first_open_run_offset
from domain.asset.events import (
    AssetConfirmed,
    AssetDeleted,
    AssetPublished,
    AssetRefreshRequested,
    AssetRejected,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
)
from domain.webhook.endpoint import EndpointHealth, WebhookEndpoint
from infra.kafka.partition_reader import Record
from infra.kafka.provenance import Provenance
from infra.kafka.topics import API_KEYS, ASSET_EVENTS, WEBHOOK_ENDPOINTS
from read_models.webhooks.endpoint_records import endpoint_record_from_json, endpoint_record_to_json
from tests.support.fakes.memory_archive import SMALL, MemoryLog, export, history
from tests.support.webhook_parts import ENDPOINT

EVENTS = history()


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog()
    log.write(EVENTS)
    log.tables[API_KEYS.name] = {key: api_key(key) for key in (b"k1", b"k2")}
    return log


@pytest.fixture
def archive(log: MemoryLog, tmp_path: Path) -> Path:
    export(log, tmp_path, replace(SMALL, with_tables=True))
    return tmp_path


def api_key(key: bytes, value: bytes = b"{}") -> LoggedRecord:
    return LoggedRecord(offset=0, timestamp_ms=1, key=key, headers=(), value=value)


def restore(archive: Path, target: MemoryLog) -> RestoreResult:
    return LogRestorer(archive, target, lambda _done, _total: None, trusts_keys=True).run()


def test_a_restored_log_is_the_exported_one(log: MemoryLog, archive: Path) -> None:
    target = MemoryLog("another")
    restored = restore(archive, target)
    assert target.contents() == log.contents()
    assert target.partitions != log.partitions  # offsets are others
    assert {name: keys for name, keys in target.tables.items() if keys} == log.tables
    assert restored == RestoreResult(records=len(EVENTS), appended=len(EVENTS), keys_added=2)
    assert target.is_handed_over


def test_restoring_twice_changes_nothing(archive: Path) -> None:
    target = MemoryLog("another")
    restore(archive, target)
    before = target.contents()
    target.is_used = True  # nothing will be appended, so it may be
    assert restore(archive, target) == RestoreResult(records=len(EVENTS), appended=0, keys_added=0)
    assert target.contents() == before


@pytest.mark.parametrize("dies_after", [0, 1, 57])
def test_a_restore_that_died_goes_on(log: MemoryLog, archive: Path, dies_after: int) -> None:
    target = MemoryLog("another")
    target.dies_after = dies_after
    with pytest.raises(RuntimeError):
        restore(archive, target)
    assert not target.is_handed_over
    target.dies_after = -1
    assert restore(archive, target).appended == len(EVENTS) - dies_after
    assert target.contents() == log.contents()


def test_a_log_that_holds_anything_else_is_refused_and_left_alone(archive: Path) -> None:
    target = MemoryLog("another")
    target.write(history(seed=8)[:40])
    before = target.contents()
    with pytest.raises(RestoreRefused, match="another SCALEHOSTER_DATA_DIR"):
        restore(archive, target)
    assert target.contents() == before


def test_a_log_that_went_on_is_refused(log: MemoryLog, archive: Path) -> None:
    log.write(EVENTS[:1])
    with pytest.raises(RestoreRefused, match="not of this archive"):
        restore(archive, log)


def test_an_installation_in_use_is_refused(archive: Path) -> None:
    target = MemoryLog("another", is_used=True)
    with pytest.raises(RestoreRefused, match="services run"):
        restore(archive, target)
    assert target.contents() == {}


def test_a_damaged_archive_is_refused_before_anything_is_written(archive: Path) -> None:
    chunk = list(Manifest.load(archive).of(Chunk))[-1]
    content = bytearray((archive / chunk.file).read_bytes())
    content[-30] ^= 1
    (archive / chunk.file).write_bytes(content)
    target = MemoryLog("another")
    with pytest.raises(ArchiveDamaged, match=chunk.file):
        restore(archive, target)
    assert target.contents() == {}


def test_a_key_that_is_there_stays_as_it_is(archive: Path) -> None:
    target = MemoryLog("another")
    revoked = api_key(b"k1", b'{"revoked_at": "now"}')
    target.tables[API_KEYS.name] = {b"k1": revoked}
    assert restore(archive, target).keys_added == 1
    assert target.tables[API_KEYS.name][b"k1"] == revoked


def test_webhooks_are_told_of_nothing_twice_and_of_all_that_comes(
    log: MemoryLog, archive: Path
) -> None:
    old = replace(ENDPOINT, starts_at=(1_000_000,) * ASSET_EVENTS.partitions)
    kept = {
        b"e-1": endpoint_record_to_json(old),
        b"e-1/health": endpoint_record_to_json(EndpointHealth(endpoint_id=old.endpoint_id)),
    }
    log.tables[WEBHOOK_ENDPOINTS.name] = {key: api_key(key, kept[key]) for key in kept}
    export(log, archive, replace(SMALL, with_tables=True))
    target = MemoryLog("another")
    restore(archive, target)

    found = target.tables[WEBHOOK_ENDPOINTS.name]
    restored = endpoint_record_from_json(found[b"e-1"].value)
    assert isinstance(restored, WebhookEndpoint)
    assert replace(restored, starts_at=old.starts_at) == old
    assert found[b"e-1/health"].value == kept[b"e-1/health"]
    for (topic, number), held in target.partitions.items():
        if topic == ASSET_EVENTS.name:
            wants = [restored.wants("asset.submitted", number, each.offset) for each in held]
            assert not any(wants)
    for number in range(ASSET_EVENTS.partitions):
        end = target.ends(ASSET_EVENTS).get(number, 0)
        assert restored.wants("asset.submitted", number, end)


def test_marks_that_name_offsets_stay_in_their_cluster() -> None:
    mark = Provenance(writer="decider-1", command=("asset-commands", 3), offset=17)
    trace = ("traceparent", b"00-1-2-01")
    record = Record(
        topic=ASSET_EVENTS.name,
        partition=0,
        offset=7,
        key=b"k",
        value=b"v",
        timestamp_ms=1,
        headers=(*mark.headers, trace),
    )
    assert to_logged_record(record).headers == (trace,)


def test_what_an_interrupted_export_added_is_left_out(log: MemoryLog, archive: Path) -> None:
    whole = log.contents()
    log.write(EVENTS[:30])
    export(log, archive)
    lines = (archive / manifests.NAME).read_bytes().splitlines(keepends=True)
    (archive / manifests.NAME).write_bytes(b"".join(lines[:-1]))
    target = MemoryLog("another")
    restore(archive, target)
    assert target.contents() == whole


def test_an_export_that_never_ended_is_refused(archive: Path) -> None:
    lines = (archive / manifests.NAME).read_bytes().splitlines(keepends=True)
    (archive / manifests.NAME).write_bytes(b"".join(lines[:45]))
    with pytest.raises(NotAnArchive, match="came to its end"):
        restore(archive, MemoryLog("another"))


def test_the_dispatcher_begins_at_the_oldest_run_under_way() -> None:
    log = MemoryLog()
    log.write(history(tenants=20))
    for place, held in log.partitions.items():
        if place[0] == ASSET_EVENTS.name:
            end = held[-1].offset + 2
            begin = first_open_run_offset(log.records(ASSET_EVENTS, place[1]), end)
            assert begin == expected_begin(log, place[1], end)


def expected_begin(log: MemoryLog, partition: int, end: int) -> int:
    """Work out in another way where the first run begins that has not ended."""
    open_at: dict[bytes, int] = {}
    for record in log.partitions[ASSET_EVENTS.name, partition]:
        event = decode(record.value)
        match event:
            case (
                AssetSubmitted()
                | AssetReprocessingRequested()
                | AssetRefreshRequested()
                | AssetSourceReplaced()
            ):
                open_at[record.key] = record.offset
            case AssetRestored() if event.starts_run:
                open_at[record.key] = record.offset
            case AssetPublished() | AssetConfirmed() | AssetRejected() | AssetDeleted():
                open_at.pop(record.key, None)
    return min(open_at.values(), default=end)
