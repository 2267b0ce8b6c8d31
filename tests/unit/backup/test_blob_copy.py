"""An archive with pictures has each that its events refer to, byte for byte, and gives it back."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from backup import blob_copy
from backup.blob_copy import BlobCopyResult, BlobExporter, BlobRestorer, blob_files_in
from backup.blob_lists import BLOBS, LISTS
from backup.blob_verification import verify_blobs
from backup.log_sources import ArchivedLog
from backup.manifest import NAME, BlobList, Completed, Manifest
from backup.referenced_blobs import referenced_blobs
from backup.verification import ArchiveFinding, verify_archive
from domain.asset.blob_keys import asset_folder, is_below
from domain.asset.events import AssetEvent, AssetPublished, AssetPurged
from domain.values import BlobKey, Status
from tests.support.fakes.memory_archive import MemoryLog, export, history, with_pictures
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.samples import NOON


@pytest.fixture
def store() -> MemoryBlobStore:
    return MemoryBlobStore()


@pytest.fixture
def log(store: MemoryBlobStore) -> MemoryLog:
    log = MemoryLog()
    log.write(with_pictures(history(), store))
    return log


@pytest.fixture
def archive(log: MemoryLog, store: MemoryBlobStore, tmp_path: Path) -> Path:
    export(log, tmp_path)
    pictures_into(tmp_path, store)
    return tmp_path


def pictures_into(directory: Path, store: MemoryBlobStore) -> BlobCopyResult:
    return asyncio.run(BlobExporter(directory, store, lambda _done, _total: None).run())


def pictures_out_of(directory: Path, store: MemoryBlobStore) -> BlobCopyResult:
    return asyncio.run(BlobRestorer(directory, store, lambda _done, _total: None).run())


def archived(directory: Path) -> dict[BlobKey, bytes]:
    files = [file for file in (directory / BLOBS).rglob("*") if file.is_file()]
    return {BlobKey(str(file.relative_to(directory / BLOBS))): file.read_bytes() for file in files}


def found_in(directory: Path) -> Sequence[ArchiveFinding]:
    return [*verify_archive(directory), *verify_blobs(directory)]


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)


def test_every_picture_is_copied_and_given_back(archive: Path, store: MemoryBlobStore) -> None:
    wanted = dict(store.blobs)
    assert archived(archive) == wanted
    assert found_in(archive) == []
    target = MemoryBlobStore()
    assert pictures_out_of(archive, target) == BlobCopyResult(
        blobs=len(wanted), copied=len(wanted), lost=[]
    )
    assert target.blobs == wanted
    assert pictures_out_of(archive, target).copied == 0


def test_a_second_export_copies_and_lists_only_what_is_new(
    store: MemoryBlobStore, tmp_path: Path
) -> None:
    events = with_pictures(history(), store)
    last = next(event for event in reversed(events) if isinstance(event, AssetPublished))
    tenant_id, archive, log = last.metadata.tenant_id, tmp_path, MemoryLog()
    log.write(event for event in events if event.metadata.tenant_id != tenant_id)
    export(log, archive)
    pictures_into(archive, store)
    before = Manifest.load(archive)
    files = {file: file.stat().st_mtime_ns for file in blob_files_in(archive)}
    assert pictures_into(archive, store).copied == 0
    export(log, archive)
    assert Manifest.load(archive).head == before.head
    log.write(event for event in events if event.metadata.tenant_id == tenant_id)
    export(log, archive)

    copied = pictures_into(archive, store)

    assert copied.copied == copied.blobs - len(files) > 0
    assert {file: file.stat().st_mtime_ns for file in files} == files
    assert [type(entry) for entry in Manifest.load(archive).entries[-2:]] == [Completed, BlobList]
    assert archived(archive) == {
        key: store.blobs[key] for key in referenced_blobs(ArchivedLog(archive))
    }
    assert found_in(archive) == []


class Killed(BaseException):
    """What SIGKILL does, seen from inside."""


@pytest.mark.parametrize(
    ("point", "after"),
    [("export.after_blob", 0), ("export.after_blob", 3), ("export.after_blob_list", 0)],
)
def test_a_killed_export_of_pictures_goes_on(
    log: MemoryLog,
    store: MemoryBlobStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    point: str,
    after: int,
) -> None:
    passed = iter(range(10_000))

    def die(name: str) -> None:
        if name == point and next(passed) == after:
            raise Killed

    export(log, tmp_path)
    monkeypatch.setattr(blob_copy, "pass_by", die)
    with pytest.raises(Killed):
        pictures_into(tmp_path, store)
    assert all(not finding.is_damage for finding in found_in(tmp_path))
    kept = archived(tmp_path)
    assert after <= len(kept)

    copied = pictures_into(tmp_path, store)

    assert copied.copied == copied.blobs - len(kept)
    assert found_in(tmp_path) == []


def test_a_purge_reaches_the_archive(log: MemoryLog, archive: Path, store: MemoryBlobStore) -> None:
    before = archived(archive)
    purge = purge_of(min(before), log)
    log.write([purge])
    export(log, archive)

    pictures_into(archive, store)

    asset = asset_folder(purge.metadata.tenant_id, purge.asset_id)
    gone = {key for key in before if is_below(key, asset)}
    assert gone
    assert before.keys() - archived(archive).keys() == gone
    assert found_in(archive) == []


def purge_of(key: BlobKey, log: MemoryLog) -> AssetPurged:
    """Purge the asset that has a picture."""
    *_, latest = (
        event
        for event in log.events()
        if isinstance(event, AssetEvent)
        and is_below(key, asset_folder(event.metadata.tenant_id, event.asset_id))
    )
    about = replace(latest.metadata, entity_version=latest.metadata.entity_version + 1)
    return AssetPurged(
        metadata=about,
        category_ids=(),
        created_at=NOON,
        previous_status=Status.DELETED,
        shown_in=(),
        sha256=None,
        perceptual_hash=None,
    )


def test_a_picture_that_is_flipped_or_missing_is_named_and_harms_no_other(
    archive: Path, store: MemoryBlobStore
) -> None:
    flipped, missing, *rest = sorted(archived(archive))
    flip(archive / BLOBS / flipped)
    (archive / BLOBS / missing).unlink()

    found = found_in(archive)

    assert [(one.file, one.is_damage) for one in found] == [
        (f"{BLOBS}/{flipped}", True),
        (f"{BLOBS}/{missing}", True),
    ]
    assert ["changed" in one.what for one in found] == [True, False]
    target = MemoryBlobStore()
    restored = pictures_out_of(archive, target)
    assert sorted(restored.lost) == [flipped, missing]
    assert sorted(target.blobs) == rest
    (archive / BLOBS / flipped).unlink()
    assert pictures_into(archive, store).copied == 2
    assert found_in(archive) == []


def test_what_the_store_has_lost_is_told_and_copied_once_it_is_back(
    log: MemoryLog, store: MemoryBlobStore, tmp_path: Path
) -> None:
    export(log, tmp_path)
    missing, broken, *_ = referenced_blobs(ArchivedLog(tmp_path))
    kept = {key: store.blobs.pop(key) for key in (missing, broken)}
    store.blobs[broken] = b"something else"

    assert pictures_into(tmp_path, store).lost == [missing, broken]

    found = found_in(tmp_path)
    assert [one.file for one in found] == [f"{BLOBS}/{missing}", f"{BLOBS}/{broken}"]
    assert not any(one.is_damage for one in found)
    assert pictures_out_of(tmp_path, MemoryBlobStore()).lost == [missing, broken]
    store.blobs |= kept
    assert pictures_into(tmp_path, store) == BlobCopyResult(
        blobs=len(archived(tmp_path)), copied=2, lost=[]
    )
    assert found_in(tmp_path) == []


def test_a_list_that_a_killed_export_left_is_told(archive: Path) -> None:
    (archive / LISTS / "999999.txt").write_bytes(b"")
    (found,) = found_in(archive)
    assert (found.file, found.is_damage) == (f"{LISTS}/999999.txt", False)


def test_a_list_that_was_changed_is_named(archive: Path) -> None:
    (file,) = (archive / LISTS).iterdir()
    flip(file)
    (found,) = verify_blobs(archive)
    assert (found.file, found.is_damage) == (NAME, True)
    assert file.name in found.what


def test_a_picture_that_no_list_names_is_told(archive: Path) -> None:
    stray = archive / BLOBS / "originals" / "aa" / ("a" * 64)
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"")
    (found,) = verify_blobs(archive)
    assert (found.file, found.is_damage) == (str(stray.relative_to(archive)), False)


def test_an_archive_without_pictures_is_whole_without_them(log: MemoryLog, tmp_path: Path) -> None:
    export(log, tmp_path)
    assert found_in(tmp_path) == []
    assert pictures_out_of(tmp_path, MemoryBlobStore()) == BlobCopyResult(
        blobs=0, copied=0, lost=[]
    )
