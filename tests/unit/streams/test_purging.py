import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from avro_schemas.codec import encode
from avro_schemas.errors import KeysLost
from domain.events import AssetPublished, AssetPurged, AssetSubmitted, Event
from domain.transformations import made_key, transformation
from domain.values import BlobKey, EventId, Listing, Sha256, Source
from infra.errors import StoreUnavailable
from infra.reading import Record
from streams.purging import Purger, unreferenced
from tests.memory import MemoryBlobStore
from tests.samples import FACTS, LARGE, NOON, ORIGINAL, THUMB
from tests.unit.streams.fakes import FakeReader, record
from tests.unit.streams.samples import METADATA, SUBMITTED

DELAY = timedelta(minutes=30)
UPLOAD = BlobKey("uploads/acme/cat/" + "d" * 64)
PUBLISHED = AssetPublished(
    metadata=METADATA,
    run=1,
    category_ids=(),
    original=ORIGINAL,
    renditions=(THUMB, LARGE),
    facts=FACTS,
    pipeline_version=1,
    watermark=None,
    fetch=None,
    listing=Listing(
        created_at=NOON,
        title="A cat",
        alt_text="",
        media_type="image/jpeg",
        width=4,
        height=3,
        thumbhash="",
        dominant_colour="",
        thumbnail_sha256=THUMB.sha256,
    ),
    shown_since=None,
)
KEYS = (UPLOAD, ORIGINAL.blob_key, THUMB.blob_key, LARGE.blob_key)


def uploaded(asset_id: str) -> AssetSubmitted:
    source = Source(url=None, upload_key=UPLOAD, file_name="cat.png")
    return replace(SUBMITTED, metadata=replace(METADATA, entity_id=asset_id), source=source)


def published(asset_id: str) -> AssetPublished:
    return replace(PUBLISHED, metadata=replace(METADATA, entity_id=asset_id))


def purged(asset_id: str) -> AssetPurged:
    return AssetPurged(
        metadata=replace(METADATA, entity_id=asset_id, event_id=EventId(f"purge of {asset_id}")),
        category_ids=(),
        created_at=NOON,
        blob_keys=KEYS,
        shown_in=(),
        perceptual_hashes=(),
    )


def test_what_a_purged_asset_alone_referenced_is_nobodys() -> None:
    history = [uploaded("cat"), published("cat"), purged("cat")]

    assert unreferenced(KEYS, history) == set(KEYS)


def test_what_another_asset_shows_is_kept() -> None:
    history = [uploaded("cat"), published("cat"), published("twin"), purged("cat")]

    assert unreferenced(KEYS, history) == {UPLOAD}


def test_when_the_last_one_goes_the_bytes_go_in_whatever_order_the_events_are_read() -> None:
    history = [published("cat"), purged("cat"), published("twin"), purged("twin")]

    assert unreferenced(KEYS, history) == set(KEYS)


def test_only_candidates_are_named() -> None:
    assert unreferenced([UPLOAD], [published("cat"), purged("cat")]) == {UPLOAD}


class Store(MemoryBlobStore):
    """A store with the blobs of one asset; ``is_away`` makes it refuse to delete."""

    def __init__(self) -> None:
        super().__init__()
        self.blobs = dict.fromkeys(KEYS, b"bytes")
        self.is_away = False

    async def delete(self, key: BlobKey) -> None:
        if self.is_away:
            raise StoreUnavailable("away")
        await super().delete(key)


class Purging:
    """A purger, its log and its store, at a time that the test sets."""

    def __init__(self, *events: Event, junk: bytes = b"") -> None:
        self.now = NOON
        self.readings = 0
        values = [encode(event) for event in events] + ([junk] if junk else [])  # type: ignore[arg-type] # asset events
        self.log = [
            record(value, topic="asset-events", offset=offset)
            for offset, value in enumerate(values)
        ]
        self.reader = FakeReader(self.log)
        self.store = Store()
        self.keys = {"cat", "dog", "twin"}
        self.are_keys_away = False
        self.confirmed: list[str] = []
        self._purger = Purger(
            lambda _: self.reader,
            self._history,
            self.store,
            self._erase,
            self._confirm,
            lambda: self.now,
            DELAY,
        )

    def _erase(self, purges: Sequence[AssetPurged]) -> None:
        if self.are_keys_away:
            raise KeysLost("away")
        self.keys -= {each.asset_id for each in purges}

    async def _confirm(self, purge: AssetPurged) -> None:
        assert self.store.blobs.keys().isdisjoint(KEYS)
        self.confirmed.append(purge.asset_id)

    def _history(self) -> Iterator[Record]:
        self.readings += 1
        yield from self.log

    def after(self, delays: float) -> "Purging":
        self.now = NOON + delays * DELAY
        asyncio.run(self._purger.step())
        return self

    @property
    def committed(self) -> int:
        return self.reader.committed["asset-events", 0]


def test_a_purge_waits_for_its_time_and_counts_as_read_when_it_is_done() -> None:
    purging = Purging(published("cat"), purged("cat"), SUBMITTED)

    assert purging.after(0.9).store.blobs
    assert purging.committed == 1
    assert not purging.after(1).store.blobs
    assert purging.committed == 3


def test_a_key_is_destroyed_at_once_and_confirmed_when_the_bytes_are_gone_too() -> None:
    purging = Purging(published("cat"), purged("cat")).after(0.1)
    assert (purging.keys, purging.confirmed) == ({"dog", "twin"}, [])

    assert purging.after(1).confirmed == ["cat"]


def test_a_purge_stays_open_as_long_as_its_key_cannot_be_destroyed() -> None:
    purging = Purging(published("cat"), purged("cat"))
    purging.are_keys_away = True

    assert purging.after(1).store.blobs
    assert purging.committed == 1
    purging.are_keys_away = False
    assert purging.after(2).confirmed == ["cat"]
    assert purging.keys == {"dog", "twin"}


def test_the_log_is_read_once_for_all_that_is_due() -> None:
    purging = Purging(published("cat"), published("dog"), purged("cat"), purged("dog"))

    assert purging.after(1).after(2).readings == 1
    assert not purging.store.blobs


def test_a_store_that_is_away_is_asked_again_later_and_the_purge_stays_open() -> None:
    purging = Purging(published("cat"), purged("cat"))
    purging.store.is_away = True

    assert purging.after(1).after(1.5).readings == 1
    assert purging.committed == 1
    purging.store.is_away = False
    assert not purging.after(2).store.blobs
    assert purging.committed == 2


def test_nothing_is_removed_while_an_event_cannot_be_read() -> None:
    purging = Purging(published("cat"), purged("cat"), junk=b"from a newer release")

    assert purging.after(1).store.blobs.keys() == set(KEYS)
    assert purging.committed == 1


def test_what_was_rendered_on_demand_goes_with_its_original() -> None:
    made = made_key(ORIGINAL.sha256, transformation("w_80"), None)
    of_another = made_key(Sha256("e" * 64), transformation("w_80"), None)
    purging = Purging(published("cat"), purged("cat"))
    purging.store.blobs |= dict.fromkeys((made, of_another), b"made")

    assert purging.after(1).store.blobs.keys() == {of_another}
