"""The stores that need no server keep the contract; the folder keeps more."""

import asyncio
import os
import resource
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from domain.values import BlobKey
from infra.blobs.store import BlobStore, open_blob_store
from infra.errors import SettingsWrong, StoreUnavailable
from tests.contract.blob_store import CAT, DOG, KEY, BlobStoreContract
from tests.support.fakes.memory_blob_store import MemoryBlobStore


class TestMemoryBlobStore(BlobStoreContract):
    @pytest.fixture
    def store(self) -> BlobStore:
        return MemoryBlobStore()


class TestFileBlobStore(BlobStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> BlobStore:
        return open_blob_store(f"file://{tmp_path}/blobs")

    def test_a_file_lies_where_its_key_says(self, store: BlobStore, tmp_path: Path) -> None:
        asyncio.run(store.put(KEY, DOG, "image/jpeg"))

        assert (tmp_path / "blobs" / KEY).read_bytes() == DOG

    def test_blobs_are_for_their_owner_alone(self, store: BlobStore, tmp_path: Path) -> None:
        asyncio.run(store.put(KEY, DOG, "image/jpeg"))

        blob = tmp_path / "blobs" / KEY
        modes = [oct(each.stat().st_mode & 0o777) for each in (blob, *blob.parents[:2])]
        assert modes == ["0o600", "0o700", "0o700"]

    def test_what_a_crash_left_half_written_is_cleared_too_and_so_are_folders(
        self, store: BlobStore, tmp_path: Path
    ) -> None:
        asyncio.run(store.put(KEY, DOG, "image/jpeg"))
        (tmp_path / "blobs" / KEY).with_name(".0f.part").write_bytes(DOG)

        assert asyncio.run(store.clear(BlobKey("originals"))) == 2
        assert list((tmp_path / "blobs").rglob("*")) == []
        asyncio.run(store.put(KEY, DOG, "image/jpeg"))

    def test_a_full_disk_leaves_what_was_there(self, store: BlobStore, tmp_path: Path) -> None:
        asyncio.run(store.put(KEY, DOG, "image/jpeg"))

        with files_of_at_most(1_000), pytest.raises(StoreUnavailable):
            asyncio.run(store.put(KEY, CAT, "image/jpeg"))

        assert [each for each in (tmp_path / "blobs").rglob("*") if each.is_file()] == [
            tmp_path / "blobs" / KEY
        ]
        assert asyncio.run(store.get(KEY)) == DOG

    @pytest.mark.parametrize(
        "look",
        [
            lambda store: store.get(KEY),
            lambda store: store.head(KEY),
            lambda store: store.delete(KEY),
            lambda store: store.put(KEY, DOG, "image/jpeg"),
            lambda store: store.keys(BlobKey("originals")),
            lambda store: store.clear(BlobKey("originals")),
            lambda store: anext(store.pages(BlobKey("originals"))),
        ],
        ids=["get", "head", "delete", "put", "keys", "clear", "pages"],
    )
    def test_a_folder_that_is_gone_is_away_and_not_a_blob_that_is_missing(
        self,
        store: BlobStore,
        tmp_path: Path,
        look: Callable[[BlobStore], Coroutine[None, None, object]],
    ) -> None:
        (tmp_path / "blobs").rmdir()

        with pytest.raises(StoreUnavailable, match="is not there"):
            asyncio.run(look(store))  # else a purge would end, and the bytes come back with it

    def test_the_disk_has_a_blob_before_its_name_shows(
        self, store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        blob = tmp_path / "blobs" / KEY
        synced: list[tuple[bool, bool]] = []
        fsync = os.fsync

        def watch(descriptor: int) -> None:
            is_folder = Path(f"/proc/self/fd/{descriptor}").readlink().is_dir()
            synced.append((is_folder, blob.exists()))
            fsync(descriptor)

        blob.parent.mkdir(parents=True)
        monkeypatch.setattr(os, "fsync", watch)
        asyncio.run(store.put(KEY, CAT, "image/jpeg"))

        assert synced == [(False, False), (True, True)]


@pytest.mark.parametrize("url", ["", "blobs", "http://127.0.0.1/blobs", "s3://"])
def test_a_url_of_no_store_is_named(url: str) -> None:
    with pytest.raises(SettingsWrong, match=r"blobs\.url"):
        open_blob_store(url)


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """Make writing fail as on a full disk: what exceeds the limit is not written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
