"""What every blob store promises; subclassed once for each kind of store."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.values import BlobKey
from infra.blobs.store import BlobEntry, BlobStore
from infra.errors import BlobNotFound

CAT = b"the bytes of a cat " * 10_000
DOG = b"a dog"
KEY = BlobKey(f"originals/{hashlib.sha256(CAT).hexdigest()[:2]}/{hashlib.sha256(CAT).hexdigest()}")
NOWHERE = BlobKey("renditions/00/nothing-was-put-here")


class BlobStoreContract:
    """Subclasses give ``store``: a fixture with an empty store."""

    def test_what_was_put_can_be_got(self, store: BlobStore) -> None:
        asyncio.run(store.put(KEY, CAT, "image/jpeg"))

        assert asyncio.run(store.get(KEY)) == CAT

    def test_a_file_can_be_put(self, store: BlobStore, tmp_path: Path) -> None:
        (tmp_path / "cat.jpg").write_bytes(CAT)

        asyncio.run(store.put_file(KEY, tmp_path / "cat.jpg", "image/jpeg"))

        assert asyncio.run(store.get(KEY)) == CAT

    def test_no_bytes_are_bytes_too(self, store: BlobStore) -> None:
        asyncio.run(store.put(KEY, b"", "image/jpeg"))

        assert asyncio.run(store.get(KEY)) == b""

    def test_putting_twice_is_no_different(self, store: BlobStore) -> None:
        asyncio.run(store.put(KEY, CAT, "image/jpeg"))
        asyncio.run(store.put(KEY, CAT, "image/jpeg"))

        assert asyncio.run(store.get(KEY)) == CAT

    def test_a_second_put_replaces_the_first(self, store: BlobStore) -> None:
        asyncio.run(store.put(KEY, CAT, "image/jpeg"))
        asyncio.run(store.put(KEY, DOG, "image/jpeg"))

        assert asyncio.run(store.get(KEY)) == DOG

    def test_a_reader_never_sees_half_a_blob(self, store: BlobStore) -> None:
        async def read_while_it_is_replaced() -> set[bytes]:
            await store.put(KEY, CAT, "image/jpeg")
            async with asyncio.TaskGroup() as group:
                reads = []
                for each in (DOG, CAT) * 20:
                    group.create_task(store.put(KEY, each, "image/jpeg"))
                    reads.append(group.create_task(store.get(KEY)))
            return {read.result() for read in reads}

        assert asyncio.run(read_while_it_is_replaced()) <= {CAT, DOG}

    def test_the_size_is_known_without_reading(self, store: BlobStore) -> None:
        asyncio.run(store.put(KEY, CAT, "image/jpeg"))

        assert asyncio.run(store.head(KEY)).size_bytes == len(CAT)

    def test_a_range_ends_before_its_end(self, store: BlobStore) -> None:
        asyncio.run(store.put(KEY, CAT, "image/jpeg"))

        assert asyncio.run(store.get_range(KEY, 4, 9)) == b"bytes"

    def test_a_range_beyond_the_end_is_cut(self, store: BlobStore) -> None:
        asyncio.run(store.put(KEY, DOG, "image/jpeg"))

        assert asyncio.run(store.get_range(KEY, 2, 99)) == b"dog"

    def test_a_range_after_the_end_is_empty(self, store: BlobStore) -> None:
        asyncio.run(store.put(KEY, DOG, "image/jpeg"))

        assert asyncio.run(store.get_range(KEY, 5, 9)) == b""

    @pytest.mark.parametrize(("start", "end"), [(3, 3), (4, 3), (-1, 3)])
    def test_a_range_of_nothing_is_refused(self, store: BlobStore, start: int, end: int) -> None:
        asyncio.run(store.put(KEY, DOG, "image/jpeg"))

        with pytest.raises(ValueError, match="no range"):
            asyncio.run(store.get_range(KEY, start, end))

    def test_a_deleted_blob_is_gone(self, store: BlobStore) -> None:
        asyncio.run(store.put(KEY, CAT, "image/jpeg"))

        asyncio.run(store.delete(KEY))

        with pytest.raises(BlobNotFound):
            asyncio.run(store.get(KEY))

    def test_a_folder_lists_what_is_below_it_and_nothing_else(self, store: BlobStore) -> None:
        inside = {BlobKey(f"derived/aa/{name}") for name in ("1.w_8", "1.w_9", "deeper/x")}
        for key in (*inside, BlobKey("derived/aab/1.w_8"), BlobKey("derived/b")):
            asyncio.run(store.put(key, DOG, "image/webp"))

        assert asyncio.run(store.keys(BlobKey("derived/aa"))) == inside
        assert asyncio.run(store.keys(BlobKey("derived/nothing"))) == set()

    def test_a_copy_stays_when_the_first_goes(self, store: BlobStore) -> None:
        asyncio.run(store.put(KEY, CAT, "image/jpeg"))

        asyncio.run(store.copy(KEY, BlobKey("assets/copy")))

        asyncio.run(store.delete(KEY))
        assert asyncio.run(store.get(BlobKey("assets/copy"))) == CAT
        with pytest.raises(BlobNotFound):
            asyncio.run(store.copy(KEY, BlobKey("assets/another")))

    def test_clearing_a_folder_removes_what_is_below_it_but_not_what_is_spared(
        self, store: BlobStore
    ) -> None:
        folder, spared = BlobKey("assets/acme/cat/run-1"), BlobKey("assets/acme/cat/run-1/b")
        kept = {BlobKey(f"{spared}/{name}") for name in "xy"} | {BlobKey(f"{folder}0/a/x")}
        gone = {BlobKey(f"{folder}/{name}") for name in ("a/x", "a/y", "bb/x")}
        for key in kept | gone:
            asyncio.run(store.put(key, DOG, "image/webp"))

        assert asyncio.run(store.clear(folder, spare=spared)) == len(gone)
        assert asyncio.run(store.clear(folder, spare=spared)) == 0
        assert asyncio.run(store.keys(BlobKey("assets"))) == kept
        assert asyncio.run(store.clear(BlobKey("assets"))) == len(kept)
        assert asyncio.run(store.clear(BlobKey("assets/nothing"))) == 0

    def test_what_was_listed_is_removed_and_what_is_gone_is_no_error(
        self, store: BlobStore
    ) -> None:
        keys = [BlobKey(f"assets/acme/cat/run-1/a/{number}") for number in range(3)]
        for key in keys:
            asyncio.run(store.put(key, DOG, "image/webp"))
        asyncio.run(store.delete(keys[0]))

        asyncio.run(store.remove(keys))

        assert asyncio.run(store.keys(BlobKey("assets"))) == set()

    def test_pages_tell_what_is_below_a_folder_how_large_and_since_when(
        self, store: BlobStore
    ) -> None:
        began_at = datetime.now(UTC) - timedelta(seconds=2)  # a bucket tells whole seconds
        keys = {BlobKey(f"assets/acme/cat/run-1/a/{number}") for number in range(3)}
        for key in keys | {BlobKey("assets/acme/dog/run-1/a/0")}:
            asyncio.run(store.put(key, DOG, "image/webp"))

        async def listed() -> list[BlobEntry]:
            return [each async for page in store.pages(BlobKey("assets/acme/cat")) for each in page]

        found = asyncio.run(listed())
        assert {each.key for each in found} == keys
        assert {each.size_bytes for each in found} == {len(DOG)}
        assert all(began_at <= each.modified_at for each in found)

    def test_deleting_what_is_not_there_is_no_error(self, store: BlobStore) -> None:
        asyncio.run(store.delete(NOWHERE))

    @pytest.mark.parametrize(
        "look",
        [
            lambda store: store.get(NOWHERE),
            lambda store: store.get_range(NOWHERE, 0, 1),
            lambda store: store.head(NOWHERE),
        ],
        ids=["get", "get_range", "head"],
    )
    def test_what_was_never_put_is_not_found(
        self, store: BlobStore, look: Callable[[BlobStore], object]
    ) -> None:
        async def look_for_it() -> None:
            await look(store)  # type: ignore[misc] # one of three coroutines

        with pytest.raises(BlobNotFound):
            asyncio.run(look_for_it())

    @pytest.mark.parametrize(
        "key", ["", "/etc/passwd", "a/../b", "..", "a//b", "a/", "a b", "ä", ".a"]
    )
    def test_a_key_that_is_no_plain_path_is_refused(self, store: BlobStore, key: str) -> None:
        with pytest.raises(ValueError, match="no plain path"):
            asyncio.run(store.put(BlobKey(key), DOG, "image/jpeg"))
