import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from avro_schemas.codec import encode
from avro_schemas.errors import KeysLost
from domain.asset.blob_keys import asset_folder
from domain.asset.discarded_blobs import BlobsDiscarded
from domain.asset.events import AssetPurged
from domain.events import Event
from domain.values import AssetId, BlobKey, EventId, Status
from infra.errors import StoreUnavailable
from infra.kafka.topics import ASSET_EVENTS, DISCARDED_BLOBS
from streams.erasure.asset_purge import AssetPurger
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.stream_fakes import FakeReader, FakeSender, away, record
from tests.support.samples import ACME, NOON
from tests.support.stream_samples import METADATA, SUBMITTED

PLACE = ("asset-events", 0)
OTHERS = BlobKey("assets/acme/kept/run-1/0/a")
KEYS = tuple(
    BlobKey(f"{asset_folder(ACME, AssetId(asset))}/{name}")
    for asset in ("cat", "dog")
    for name in ("run-1/0/a", "run-2/1/b", "uploads/2/c", "derived/a/2.plain.w_80")
)


def purged(asset_id: str) -> AssetPurged:
    return AssetPurged(
        metadata=replace(METADATA, entity_id=asset_id, event_id=EventId(f"purge of {asset_id}")),
        category_ids=(),
        created_at=NOON,
        previous_status=Status.DELETED,
        shown_in=(),
        sha256=None,
        perceptual_hash=None,
    )


class Store(MemoryBlobStore):
    """A store with the blobs of three assets; ``is_away`` makes it refuse to remove any."""

    def __init__(self) -> None:
        super().__init__()
        self.blobs = dict.fromkeys((*KEYS, OTHERS), b"bytes")
        self.is_away = False

    async def clear(self, folder: BlobKey, *, spare: BlobKey | None = None) -> int:
        if self.is_away:
            raise StoreUnavailable("away")
        return await super().clear(folder, spare=spare)


class Purging:
    """A purger, its log and its store."""

    def __init__(self, *events: Event, junk: bytes = b"") -> None:
        values = [encode(event) for event in events] + ([junk] if junk else [])  # type: ignore[arg-type] # asset events
        self.log = [
            record(value, topic=ASSET_EVENTS.name, offset=offset)
            for offset, value in enumerate(values)
        ]
        self.reader = FakeReader(self.log)
        self.store = Store()
        self.sender = FakeSender()
        self.keys = {"cat", "dog", "kept"}
        self.erasures = 0
        self.are_keys_away = False
        self._purger = AssetPurger(self.reader.open, self.store, self._shred, self.sender)

    def _shred(self, purges: Sequence[AssetPurged]) -> None:
        if self.are_keys_away:
            raise KeysLost("away")
        self.erasures += 1
        self.keys -= {each.asset_id for each in purges}

    def step(self, times: int = 1) -> "Purging":
        for _ in range(times):
            asyncio.run(self._purger.step())
        return self

    @property
    def asked_once_more(self) -> list[str]:
        asked = self.sender.on(DISCARDED_BLOBS)
        assert all(
            isinstance(one, BlobsDiscarded)
            and one.folder == asset_folder(ACME, one.asset_id)
            and one.purge_id == f"purge of {one.asset_id}"
            for one in asked
        )
        return [one.asset_id for one in asked if isinstance(one, BlobsDiscarded)]

    @property
    def left(self) -> set[BlobKey]:
        return set(self.store.blobs)

    @property
    def committed(self) -> int:
        return self.reader.committed.get(PLACE, 0)


def test_all_that_lies_below_the_asset_goes_and_nothing_of_anybody_else() -> None:
    purging = Purging(SUBMITTED, purged("cat"), SUBMITTED).step(2)

    assert purging.left == {*KEYS[4:], OTHERS}
    assert purging.keys == {"dog", "kept"}
    assert purging.asked_once_more == ["cat"]
    assert purging.committed == 3


def test_a_purged_asset_without_any_bytes_loses_its_key_and_is_confirmed_too() -> None:
    purging = Purging(purged("kept"))
    purging.store.blobs.clear()

    assert purging.step().keys == {"cat", "dog"}
    assert purging.asked_once_more == ["kept"]


def test_the_key_is_destroyed_before_any_byte_is_removed() -> None:
    purging = Purging(purged("cat"))
    purging.are_keys_away = True

    assert purging.step(2).left == {*KEYS, OTHERS}
    assert purging.committed == 0
    purging.are_keys_away = False
    assert purging.step(2).left == {*KEYS[4:], OTHERS}
    assert purging.keys == {"dog", "kept"}
    assert purging.committed == 1


def test_while_the_store_is_away_purges_wait_and_nothing_is_committed_past_them() -> None:
    purging = Purging(SUBMITTED, purged("cat"), SUBMITTED)
    purging.store.is_away = True

    assert purging.step(3).left == {*KEYS, OTHERS}
    assert purging.committed == 1
    purging.store.is_away = False
    assert purging.step(2).left == {*KEYS[4:], OTHERS}
    assert purging.committed == 3


def test_an_asset_of_many_blobs_is_removed_page_by_page_and_the_member_polls_between() -> None:
    polls = 0
    purging = Purging(purged("cat"), purged("dog"))
    purging.store.page_size = 1
    poll = purging.reader.poll

    def counted(*args: float) -> list[object]:
        nonlocal polls
        polls += 1
        return poll(*args)  # type: ignore[return-value] # records

    purging.reader.poll = counted  # type: ignore[method-assign,assignment] # to count
    for page in range(1, 5):
        purging.step()
        assert len(purging.left) == len(KEYS) + 1 - 2 * page
        assert (purging.committed, purging.asked_once_more) == (0, [])
    assert purging.step().committed == 2
    assert polls == 5
    assert purging.erasures == 1


def test_each_is_asked_for_once_more_however_long_one_before_it_takes() -> None:
    purging = Purging(purged("cat"), purged("kept"))
    purging.store.page_size = 1

    purging.step(6)

    assert sorted(purging.asked_once_more) == ["cat", "kept"]
    assert purging.committed == 2


def test_what_is_not_asked_for_once_more_durably_is_not_committed() -> None:
    purging = Purging(purged("kept"))
    purging.store.blobs.clear()
    purging.sender.failures.append(away())

    assert purging.step().asked_once_more == ["kept"], "it waits until the broker has it"
    assert purging.committed == 1


def test_a_partition_that_is_lost_is_not_committed_and_its_new_owner_finds_the_purge() -> None:
    ours = Purging(SUBMITTED, purged("cat"), SUBMITTED)
    ours.store.is_away = True
    ours.step()
    assert ours.committed == 1

    ours.reader.revoke([PLACE])
    ours.store.is_away = False
    assert ours.step(3).committed == 1, "it is not ours to say how far it is"

    theirs = Purging(SUBMITTED, purged("cat"), SUBMITTED)
    theirs.reader.batches[0] = theirs.log[ours.committed :]
    assert theirs.step(2).left == {*KEYS[4:], OTHERS}


def test_an_event_that_cannot_be_read_holds_no_purge_up() -> None:
    purging = Purging(purged("cat"), junk=b"from a newer release")

    assert purging.step(2).left == {*KEYS[4:], OTHERS}
    assert purging.committed == 2


@pytest.mark.parametrize("tenant", ["acme", "acme-2", "a/../b", "x.y", "Ä", "a" * 300, ".."])
def test_whatever_a_tenant_is_named_its_folder_is_its_own(tenant: str) -> None:
    folder = asset_folder(ACME.__class__(tenant), AssetId("cat"))
    assert folder.count("/") == 2
    assert (folder == asset_folder(ACME, AssetId("cat"))) == (tenant == "acme")
