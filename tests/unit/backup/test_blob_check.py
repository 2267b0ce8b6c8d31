"""What the store has too much, what it lacks, and what is left alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from avro_schemas.codec import decode, encode
from backup.blob_check import BlobCheck, BlobCheckTotals, BlobRemovalRefused
from backup.blob_inventory import BlobInventory, MissingBlob
from domain.asset.commands import AssetCommand, DeleteAsset, ReprocessAsset, SubmitAsset
from domain.asset.events import AssetEvent
from domain.values import BlobKey
from infra.blobs.store import BlobEntry
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS
from tests.support.byte_owners import ASSETS, TENANTS, World
from tests.support.fakes.stream_fakes import FakeSender, record
from tests.support.samples import NOON, metadata

DAY = timedelta(days=1)


def history() -> World:
    """Publish an upload twice, leave one run open, and purge another asset."""

    async def story() -> World:
        world = World()
        for whose in (0, 2):
            world.insert(whose, 1)
        world.decide(9)
        for _ in range(2):
            world.work(0, 1)
            world.work(1, 2)
            while world.executions:
                await world.go_on(0)
            world.decide(9)
            world.change(3, 0)
            world.change(3, 2)
            world.decide(9)
        for verb in (0, 2):
            world.change(verb, 2)
            world.decide(9)
        return world

    return asyncio.run(story())


class Check:
    """A check of a world's store against its events."""

    def __init__(self, world: World, place: Path) -> None:
        self.world = world
        self.store = world.store
        self.letters: list[AssetCommand] = []
        self.junk: list[bytes] = []
        self.sender = FakeSender()
        self.said: list[tuple[str, int]] = []
        self._place = place / "inventory.sqlite"

    def run(
        self, events: Sequence[AssetEvent] | None = None, *, repair: bool = False
    ) -> tuple[list[BlobEntry], list[MissingBlob], BlobCheckTotals]:
        values = [encode(event) for event in (self.world.events if events is None else events)]
        records = [
            record(value, topic=ASSET_EVENTS.name, offset=offset)
            for offset, value in enumerate([*values, *self.junk])
        ]
        before = self.world.now + timedelta(seconds=1)

        found: list[BlobEntry | MissingBlob] = []

        async def run() -> BlobCheckTotals:
            with BlobInventory(self._place) as inventory:
                check = BlobCheck(
                    inventory,
                    self.store,
                    before,
                    found.append,
                    lambda *said: self.said.append(said),
                )
                await check.compare(self.letters, records)
                if repair:
                    await check.repair(self.sender, NOON)
                return check.totals

        totals = asyncio.run(run())
        assert not self._place.exists()
        unknown = [each for each in found if isinstance(each, BlobEntry)]
        missing = [each for each in found if isinstance(each, MissingBlob)]
        return unknown, missing, totals


@pytest.fixture
def check(tmp_path: Path) -> Check:
    world = history()
    for key in [key for key in world.store.blobs if key not in world.must_be_there()]:
        del world.store.blobs[key]  # as the purger does
    return Check(world, tmp_path)


def put(check: Check, name: str, at: datetime = NOON - DAY) -> BlobKey:
    key = BlobKey(f"assets/{TENANTS[0]}/{ASSETS[0]}/{name}")
    check.store.blobs[key] = b"bytes"
    check.store.modified_at[key] = at
    return key


def test_a_store_that_is_as_the_log_says_is_well(check: Check) -> None:
    unknown, missing, totals = check.run()
    assert (unknown, missing) == ([], [])
    assert totals.is_well
    assert totals.stored == totals.named == len(check.store.blobs) > 5
    assert ("events read", len(check.world.events)) in check.said


def test_what_no_event_names_is_told_and_removed_and_nothing_else(check: Check) -> None:
    before = set(check.store.blobs)
    strays = {
        put(check, "uploads/refused/a"),
        put(check, "run-1/killed/a"),
        put(check, "derived/of-another-original/2.plain.w_80"),
        put(check, "run-1/killed/.0f.part"),
        BlobKey(f"assets/{TENANTS[0]}/{ASSETS[1]}/run-1/late/a"),  # it was purged
        BlobKey("originals/aa/" + "a" * 64),
        BlobKey("assets/who-is-that/asset/run-1/0/a"),
        BlobKey("assets/astray"),
    }
    for key in strays:
        check.store.blobs[key] = b"bytes"
        check.store.modified_at[key] = NOON - DAY
    unknown, _, totals = check.run()
    assert {entry.key for entry in unknown} == strays
    assert not totals.is_well
    _, _, totals = check.run(repair=True)
    assert set(check.store.blobs) == before
    assert (totals.unknown, totals.removed, totals.is_well) == (len(strays),) * 2 + (True,)


def test_what_belongs_to_work_under_way_is_left_alone(check: Check) -> None:
    original = check.world.known_picture(0).original.sha256
    put(check, "run-3/under-way/a")  # the run that has not ended
    put(check, "uploads/new/a", at=check.world.now + DAY)  # its command was not decided yet
    put(check, f"derived/{original}/2.plain.w_80")
    parked = put(check, "uploads/parked/a")
    command = check.world.sent[0]
    assert isinstance(command, SubmitAsset)
    check.letters = [
        replace(command, source=replace(command.source, upload_key=parked)),
        DeleteAsset(metadata=metadata(ASSETS[0])),
    ]
    assert check.run(repair=True)[0] == []


def test_what_the_store_lacks_is_told_and_left_to_a_run_that_is_under_way(check: Check) -> None:
    shown = check.world.known_picture(0)
    lost = {made.blob_key for made in shown.renditions}
    for key in lost:
        del check.store.blobs[key]
    _, missing, totals = check.run(repair=True)
    assert {each.key for each in missing} == lost
    assert all(each.is_shown and not each.can_be_made for each in missing)
    assert (totals.missing, totals.ordered) == (len(lost), 0)


def test_renditions_are_ordered_once_for_each_asset_and_not_without_an_original(
    check: Check,
) -> None:
    events = [each for each in check.world.events if getattr(each, "run", 0) < 3]
    shown = check.world.known_picture(0)
    for made in shown.renditions:
        del check.store.blobs[made.blob_key]
    _, missing, totals = check.run(events, repair=True)
    assert len(missing) == len(shown.renditions)
    (command,) = (decode(value) for _, _, value in check.sender.sent)
    assert isinstance(command, ReprocessAsset)
    assert {name for name, _, _ in check.sender.sent} == {ASSET_COMMANDS.name}
    assert totals.ordered == 1

    del check.store.blobs[shown.original.blob_key]
    _, missing, totals = check.run(events, repair=True)
    assert not any(each.can_be_made for each in missing)
    assert totals.ordered == 0


def test_an_event_that_cannot_be_read_is_counted(check: Check) -> None:
    check.junk = [b"from a newer release"]
    _, _, totals = check.run()
    assert totals.unreadable == 1
    assert not totals.is_well
    with pytest.raises(BlobRemovalRefused, match="1 events cannot be read"):
        check.run(repair=True)
