"""What an operator types over an archive, and what is answered."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backup import archives
from backup.keyrings import archive_keyring
from backup.manifest import Chunk, Manifest
from backup.masking import mask_key
from cli.__main__ import app
from infra.blobs.durable_files import write_durably
from tests.support.fakes.memory_archive import MemoryLog, export, history, with_pictures
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.keyrings import fixed_keyring
from tests.support.samples import ORIGINAL, THUMB


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCALEHOSTER_DATA_DIR", str(tmp_path / "var"))
    log = MemoryLog()
    log.write(history())
    export(log, tmp_path / "archive")
    return tmp_path / "archive"


def run(*words: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["events", *map(str, words)])
    assert result.exit_code == code, result.output
    return result.stdout


def test_an_archive_that_is_whole_is_shown(archive: Path) -> None:
    shown = json.loads(run("verify", archive, "--json"))
    assert shown[0]["topic"] == "asset-events"
    assert sum(row["events"] for row in shown) == len(history())
    assert shown[0]["head"] == Manifest.load(archive).head


def test_what_is_wrong_is_listed_with_exit_3(archive: Path) -> None:
    chunk = next(Manifest.load(archive).of(Chunk))
    (archive / chunk.file).write_bytes(b"")
    (found,) = json.loads(run("verify", archive, "--json", code=3))
    assert found["file"] == chunk.file


def test_a_masked_copy_is_made_with_a_key_that_stays(archive: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run("copy", archive, tmp_path / name, "--mask", "--json")
    one, two = Manifest.load(tmp_path / "one"), Manifest.load(tmp_path / "two")
    assert list(one.of(Chunk)) == list(two.of(Chunk)) != list(Manifest.load(archive).of(Chunk))
    assert one.origin.is_masked
    assert len(mask_key(tmp_path / "var")) == 32
    assert (tmp_path / "var" / "mask-key").stat().st_mode & 0o777 == 0o600


def test_a_copy_without_a_mask_is_the_same_up_to_then(archive: Path, tmp_path: Path) -> None:
    run("copy", archive, tmp_path / "copy", "--until", "2026-12-24", "--json")
    copied, whole = Manifest.load(tmp_path / "copy"), Manifest.load(archive)
    events = sum(chunk.record_count for chunk in copied.of(Chunk))
    assert 0 < events < sum(chunk.record_count for chunk in whole.of(Chunk))
    run("copy", tmp_path / "copy", tmp_path / "again", "--mask", "--json")
    run("copy", tmp_path / "again", tmp_path / "third", "--json")
    assert Manifest.load(tmp_path / "third").origin.is_masked  # it stays what it is


def test_pictures_go_with_the_events_and_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, log, target = MemoryBlobStore(), MemoryLog(), MemoryLog("another")
    log.write(with_pictures(history(), pictures))
    store, archive, elsewhere = (tmp_path / name for name in ("store", "archive", "elsewhere"))
    for key, content in pictures.blobs.items():
        write_durably(store / key, content)
    monkeypatch.setattr(archives, "check_topics", lambda *_: None)
    monkeypatch.setattr(archives, "KafkaLog", lambda _: log)
    monkeypatch.setattr(archives, "LiveInstallation", lambda *_: target)

    monkeypatch.setenv("SCALEHOSTER_BLOBS__URL", f"file://{store}")
    (lost, *_) = pictures.blobs
    (store / lost).unlink()
    run("export", archive, "--with-blobs", "--json", code=3)
    write_durably(store / lost, pictures.blobs[lost])
    told = json.loads(run("export", archive, "--with-blobs", "--json"))
    assert told[0]["head"] == Manifest.load(archive).head
    run("verify", archive, "--json")

    monkeypatch.setenv("SCALEHOSTER_BLOBS__URL", f"file://{elsewhere}")
    run("restore", archive, "--json")
    assert target.contents() == log.contents()
    assert {key: (elsewhere / key).read_bytes() for key in pictures.blobs} == pictures.blobs

    (archive / "blobs" / lost).write_bytes(b"flipped")
    (found,) = json.loads(run("verify", archive, "--json", code=3))
    assert found["file"] == f"blobs/{lost}"
    run("restore", archive, "--json", code=3)


def test_the_blobs_that_events_refer_to_are_printed(archive: Path) -> None:
    keys = run("blobs", archive).splitlines()
    assert keys == sorted(set(keys))
    assert THUMB.blob_key in keys
    assert ORIGINAL.blob_key not in keys  # each picture of these histories has its own


def test_a_masked_copy_brings_keys_of_its_own_and_a_copy_of_it_too(
    archive: Path, tmp_path: Path
) -> None:
    run("copy", archive, tmp_path / "copy", "--mask", "--json")
    run("copy", tmp_path / "copy", tmp_path / "again", "--json")
    ring = archive_keyring(tmp_path / "again").ring()
    assert ring.ring_id.hex() == Manifest.load(tmp_path / "again").origin.keyring
    assert ring.ring_id != fixed_keyring().ring_id


def test_with_a_key_every_command_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, target = MemoryLog(), MemoryLog("another")
    log.write(history())
    monkeypatch.setenv("SCALEHOSTER_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setattr(archives, "check_topics", lambda *_: None)
    monkeypatch.setattr(archives, "KafkaLog", lambda _: log)
    monkeypatch.setattr(archives, "LiveInstallation", lambda *_: target)
    (tmp_path / "key").write_text("0123456789abcdef" * 4 + "\n")
    key = ("--key-file", tmp_path / "key")
    archive, copied, masked = (tmp_path / name for name in ("archive", "copy", "masked"))
    run("export", archive, "--with-keys", *key, "--json")
    typed: list[tuple[str | Path, ...]] = [
        ("export", archive),
        ("verify", archive),
        ("blobs", archive),
        ("copy", archive, copied),
        ("restore", archive),
    ]
    for words in typed:
        run(*words, code=1)
        run(*words, *key)
    assert target.contents() == log.contents()
    run("verify", copied, *key)
    run("copy", archive, masked, "--mask", *key)
    run("verify", masked)
