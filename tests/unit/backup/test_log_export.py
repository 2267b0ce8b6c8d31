"""An export has every record as it was, once, whatever happened on the way."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import fastavro
import pytest

from avro_schemas.containers import LoggedRecord
from backup import log_export
from backup.errors import ExportRefused
from backup.log_sources import ArchivedLog
from backup.manifest import Chunk, Completed, Manifest
from backup.verification import verify_archive
from infra.kafka.topics import API_KEYS, ASSET_EVENTS, CATEGORY_EVENTS
from tests.support.fakes.memory_archive import SMALL, Event, MemoryLog, export, history

EVENTS = history()


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog()
    log.write(EVENTS)
    return log


def archived(directory: Path) -> dict[tuple[str, int], list[LoggedRecord]]:
    log = ArchivedLog(directory)
    found = {
        (topic.name, number): list(log.all_records(topic, number))
        for topic in (ASSET_EVENTS, CATEGORY_EVENTS)
        for number in range(topic.partitions)
    }
    return {place: records for place, records in found.items() if records}


def test_every_record_is_there_as_it_was(log: MemoryLog, tmp_path: Path) -> None:
    manifest = export(log, tmp_path)
    assert archived(tmp_path) == log.partitions
    assert len(list(manifest.of(Chunk))) > len(log.partitions)  # it was cut into pieces
    assert list(verify_archive(tmp_path)) == []


def test_fastavro_alone_reads_it(log: MemoryLog, tmp_path: Path) -> None:
    export(log, tmp_path)
    told: list[dict[str, object]] = []
    for file in sorted(tmp_path.glob("*-events/*/*.avro")):
        with file.open("rb") as opened:
            for record in fastavro.reader(opened):
                assert isinstance(record, dict)
                text = (tmp_path / f"schemas/{record['schema_id']}.avsc").read_text()
                body = BytesIO(record["payload"])
                event = fastavro.schemaless_reader(body, json.loads(text), None)
                assert isinstance(event, dict)
                told.append(event["metadata"])
    assert sorted(str(one["event_id"]) for one in told) == sorted(
        event.metadata.event_id for event in EVENTS
    )


def test_what_is_no_message_of_ours_is_kept_too(log: MemoryLog, tmp_path: Path) -> None:
    poison = [b"", b"\0", b"\0\0\0\0\1", b"{}", b"\0\xff\xff\xff\xff\1"]
    log.partitions[ASSET_EVENTS.name, 11] = [
        LoggedRecord(offset=n, timestamp_ms=-1, key=b"", headers=(("a", b""),), value=value)
        for n, value in enumerate(poison)
    ]
    export(log, tmp_path)
    assert archived(tmp_path) == log.partitions


def test_a_second_export_reads_and_adds_only_what_is_new(tmp_path: Path) -> None:
    log = MemoryLog()
    log.write(EVENTS[:-3])
    before = export(log, tmp_path)
    files = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.avro")}
    log.write(EVENTS[-3:])
    log.reads = 0

    after = export(log, tmp_path)

    assert log.reads == 3
    assert archived(tmp_path) == log.partitions
    assert after.entries[: len(before.entries)] == before.entries
    assert {file: file.stat().st_mtime_ns for file in files} == files
    assert export(log, tmp_path).entries == after.entries
    assert list(verify_archive(tmp_path)) == []


class Killed(BaseException):
    """What SIGKILL does, seen from inside."""


@pytest.mark.parametrize("point", ["export.after_file_before_manifest", "export.after_manifest"])
@pytest.mark.parametrize("after", [0, 3])
def test_a_killed_export_goes_on_where_it_was(
    log: MemoryLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, after: int
) -> None:
    passed: Iterator[int] = iter(range(1_000))

    def die(name: str) -> None:
        if name == point and next(passed) == after:
            (tmp_path / ASSET_EVENTS.name / ".torn.part").write_bytes(b"half")
            raise Killed

    (tmp_path / ASSET_EVENTS.name).mkdir()
    monkeypatch.setattr(log_export, "pass_by", die)
    with pytest.raises(Killed):
        export(log, tmp_path)
    assert any("did not come to its end" in finding.what for finding in verify_archive(tmp_path))
    kept = len(list(Manifest.load(tmp_path).of(Chunk)))
    assert kept == after + (point == "export.after_manifest")
    log.write(EVENTS[:5])  # time goes on meanwhile; doubled, which is not the export's business

    manifest = export(log, tmp_path)

    assert archived(tmp_path) == log.partitions
    assert len(list(manifest.of(Completed))) == 1
    assert [finding for finding in verify_archive(tmp_path) if finding.is_damage] == []
    assert not list(tmp_path.rglob(".*.part"))


def test_until_leaves_out_what_came_later(tmp_path: Path) -> None:
    log = MemoryLog()
    log.write([moved(event, n) for n, event in enumerate(EVENTS)])
    middle = EVENTS[0].metadata.happened_at.replace(tzinfo=UTC).timestamp() + 60
    export(log, tmp_path, replace(SMALL, until=datetime.fromtimestamp(middle, UTC)))
    exported = [r for held in archived(tmp_path).values() for r in held]
    assert len(exported) == 61
    assert all(record.timestamp_ms <= middle * 1_000 for record in exported)
    export(log, tmp_path)  # and the rest at another time
    assert archived(tmp_path) == log.partitions


def moved(event: Event, seconds: int) -> Event:
    first = EVENTS[0].metadata.happened_at.timestamp()
    at = datetime.fromtimestamp(first + seconds, UTC)
    return replace(event, metadata=replace(event.metadata, happened_at=at))


def test_until_is_refused_where_more_is_exported_already(log: MemoryLog, tmp_path: Path) -> None:
    export(log, tmp_path)
    with pytest.raises(ExportRefused, match="later records"):
        export(log, tmp_path, replace(SMALL, until=datetime(2026, 1, 1, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("other", "wish"),
    [(MemoryLog("another"), SMALL), (MemoryLog("a log"), replace(SMALL, is_masked=True))],
)
def test_two_logs_are_never_mixed(
    log: MemoryLog, tmp_path: Path, other: MemoryLog, wish: log_export.ExportOptions
) -> None:
    export(log, tmp_path)
    with pytest.raises(ExportRefused, match="another directory"):
        export(other, tmp_path, wish)


def test_a_log_that_became_shorter_is_refused(log: MemoryLog, tmp_path: Path) -> None:
    export(log, tmp_path)
    place = next(place for place in log.partitions if place[0] == ASSET_EVENTS.name)
    log.partitions[place] = log.partitions[place][:1]
    with pytest.raises(ExportRefused, match="lost records"):
        export(log, tmp_path)


def test_keys_are_exported_when_asked_for_and_again_when_they_change(
    log: MemoryLog, tmp_path: Path
) -> None:
    def put(key: bytes, value: bytes) -> None:
        record = LoggedRecord(offset=9, timestamp_ms=1, key=key, headers=(), value=value)
        log.tables.setdefault(API_KEYS.name, {})[key] = record

    put(b"k1", b"{}")
    export(log, tmp_path)
    assert ArchivedLog(tmp_path).table(API_KEYS) == []
    with_tables = replace(SMALL, with_tables=True)
    for value in (b"{}", b"{}", b'{"revoked": true}'):
        put(b"k1", value)
        export(log, tmp_path, with_tables)
        assert [record.value for record in ArchivedLog(tmp_path).table(API_KEYS)] == [value]
    assert len(list(tmp_path.glob("tables/*.avro"))) == 2
    assert list(verify_archive(tmp_path)) == []
