"""Whatever is changed in an archive is named."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from backup.log_sources import ArchivedLog
from backup.manifest import NAME, Chunk, Manifest, SchemaFile, TableFile
from backup.verification import ArchiveFinding, verify_archive
from infra.kafka.topics import API_KEYS, ASSET_EVENTS, OPERATION_EVENTS
from tests.support.fakes.memory_archive import SMALL, MemoryLog, export, history

EVENTS = history()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    log = MemoryLog()
    log.write(EVENTS)
    (key, *_) = log.partitions.values()
    log.tables[API_KEYS.name] = {b"k1": key[0]}
    export(log, tmp_path, replace(SMALL, with_tables=True))
    return tmp_path


def flip(file: Path, byte: int, bit: int = 0) -> None:
    content = bytearray(file.read_bytes())
    content[byte] ^= 1 << bit
    file.write_bytes(content)


def chunks(directory: Path) -> list[Chunk]:
    return list(Manifest.load(directory).of(Chunk))


def test_a_flipped_bit_in_a_payload_names_file_and_record(archive: Path) -> None:
    chunk = max(
        (chunk for chunk in chunks(archive) if chunk.topic == ASSET_EVENTS.name),
        key=lambda chunk: chunk.record_count,
    )
    partition = list(ArchivedLog(archive).all_records(ASSET_EVENTS, chunk.partition))
    inside = [r for r in partition if chunk.start_offset <= r.offset < chunk.next_offset]
    file = archive / chunk.file
    place = file.read_bytes().index(inside[1].value[5:]) + 60
    flip(file, place)
    (found,) = verify_archive(archive)
    assert found.file == chunk.file
    assert found.record == f"2 of {chunk.record_count}, after offset {inside[0].offset}"
    assert found.is_damage


def test_any_flipped_bit_is_noticed(archive: Path) -> None:
    chance = Random(1)
    files = [archive / chunk.file for chunk in chunks(archive)]
    manifest = Manifest.load(archive)
    files += [archive / entry.file for entry in manifest.of(SchemaFile)][:2]
    files += [archive / entry.file for entry in manifest.of(TableFile)]
    for _ in range(20):
        file = chance.choice(files)
        whole = file.read_bytes()
        flip(file, chance.randrange(len(whole)), chance.randrange(8))
        assert [found.file for found in verify_archive(archive)] == [str(file.relative_to(archive))]
        file.write_bytes(whole)
    assert list(verify_archive(archive)) == []


def test_any_flipped_bit_of_the_manifest_is_noticed_and_the_line_named(archive: Path) -> None:
    file, chance = archive / NAME, Random(2)
    whole = file.read_bytes()
    for _ in range(20):
        place = chance.randrange(len(whole) - 1)
        flip(file, place, chance.randrange(8))
        (found,) = verify_archive(archive)
        line = whole[:place].count(b"\n") + 1
        assert found.file == NAME
        assert f"line {line}" in found.what or f"line {line + 1}" in found.what
        file.write_bytes(whole)


def without_line(archive: Path) -> None:
    lines = (archive / NAME).read_bytes().splitlines(keepends=True)
    (archive / NAME).write_bytes(b"".join(lines[:40] + lines[41:]))


def swapped_lines(archive: Path) -> None:
    lines = (archive / NAME).read_bytes().splitlines(keepends=True)
    lines[40], lines[41] = lines[41], lines[40]
    (archive / NAME).write_bytes(b"".join(lines))


def cut_short(archive: Path) -> None:
    lines = (archive / NAME).read_bytes().splitlines(keepends=True)
    (archive / NAME).write_bytes(b"".join(lines[:-4]))


def missing_file(archive: Path) -> None:
    (archive / chunks(archive)[2].file).unlink()


def swapped_files(archive: Path) -> None:
    one, other = (archive / chunk.file for chunk in chunks(archive)[2:4])
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def extra_file(archive: Path) -> None:
    (archive / ASSET_EVENTS.name / "00" / "x.avro").parent.mkdir(exist_ok=True)
    (archive / ASSET_EVENTS.name / "00" / "x.avro").write_bytes(b"")


def file_of_a_topic_without_events(archive: Path) -> None:
    (archive / OPERATION_EVENTS.name / "00").mkdir(parents=True)
    (archive / OPERATION_EVENTS.name / "00" / "x.avro").write_bytes(b"")


@pytest.mark.parametrize(
    "harm",
    [
        file_of_a_topic_without_events,
        without_line,
        swapped_lines,
        cut_short,
        missing_file,
        swapped_files,
        extra_file,
    ],
)
def test_what_was_taken_out_moved_or_put_in_is_noticed(
    archive: Path, harm: Callable[[Path], None]
) -> None:
    harm(archive)
    assert list(verify_archive(archive)) != []


def test_a_missing_file_does_not_make_others_wrong(archive: Path) -> None:
    missing_file(archive)
    (found,) = verify_archive(archive)
    assert found == ArchiveFinding(file=chunks(archive)[2].file, what="is missing")


def test_a_hole_in_the_log_itself_is_told_and_is_no_damage(tmp_path: Path) -> None:
    log = MemoryLog()
    log.write(EVENTS)
    place, held = max(log.partitions.items(), key=lambda item: len(item[1]))
    del held[2]
    export(log, tmp_path)
    found = list(verify_archive(tmp_path))
    assert found
    assert all("missing or doubled" in one.what and not one.is_damage for one in found)
    assert {one.file.partition("/")[0] for one in found} == {place[0]}


def test_what_is_no_archive_is_said_so(tmp_path: Path) -> None:
    (found,) = verify_archive(tmp_path)
    assert "no archive" in found.what
