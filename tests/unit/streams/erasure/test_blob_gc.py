import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from avro_schemas.codec import Message, encode
from domain.asset.commands import ConfirmErasure
from domain.asset.discarded_blobs import BlobsDiscarded
from domain.dead_letter import DeadLetter
from domain.identity import erasure_command_id
from domain.values import AssetId, BlobKey, CorrelationId, EventId
from infra.errors import StoreUnavailable
from infra.kafka.producer import LogPosition
from infra.kafka.topics import ASSET_COMMANDS, DISCARDED_BLOBS, IMAGE_JOBS_DEAD_LETTERS, Topic
from streams.erasure.blob_gc import BlobCollector
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.stream_fakes import FakeReader, FakeSender, record
from tests.support.samples import ACME, NOON
from tests.support.stream_samples import SUBMITTED

DELAY = timedelta(minutes=30)
PLACE = (DISCARDED_BLOBS.name, 0)
ASSET = BlobKey("assets/acme/cat")
RUN = BlobsDiscarded(
    tenant_id=ACME,
    asset_id=AssetId("cat"),
    folder=BlobKey(f"{ASSET}/run-1"),
    spared=BlobKey(f"{ASSET}/run-1/good"),
    purge_id=None,
    correlation_id=CorrelationId("r-1"),
)
UPLOAD = replace(RUN, folder=BlobKey(f"{ASSET}/uploads/0"), spared=None)
PURGE = replace(UPLOAD, folder=ASSET, purge_id=EventId("e-1"))
CONFIRMATION = erasure_command_id(EventId("e-1"))
GOOD, KILLED = BlobKey(f"{ASSET}/run-1/good/a"), BlobKey(f"{ASSET}/run-1/killed/a")
STAGED, SECOND = BlobKey(f"{ASSET}/uploads/0/a"), BlobKey(f"{ASSET}/run-2/good/a")
OTHERS = BlobKey("assets/acme/dog/run-1/killed/a")
ALL = {GOOD, KILLED, STAGED, SECOND, OTHERS}


class Confirmations(FakeSender):
    """A sender that sees to it that a purge is confirmed only when its folder is empty."""

    def __init__(self, store: MemoryBlobStore) -> None:
        super().__init__()
        self._store = store

    async def send(self, topic: Topic, key: str, value: bytes | None) -> LogPosition:
        if topic == ASSET_COMMANDS:
            assert not any(name.startswith(f"{ASSET}/") for name in self._store.blobs)
        return await super().send(topic, key, value)


class Collecting:
    """What was discarded a minute after the other, and a store, at a time that the test sets."""

    def __init__(self, *discards: Message | bytes) -> None:
        self.now = NOON
        self.reader = FakeReader(
            [
                record(
                    each if isinstance(each, bytes) else encode(each),
                    topic=DISCARDED_BLOBS.name,
                    offset=offset,
                    timestamp_ms=int((NOON.timestamp() + 60 * offset) * 1_000),
                )
                for offset, each in enumerate(discards)
            ]
        )
        self.store = MemoryBlobStore()
        self.store.blobs = dict.fromkeys(ALL, b"bytes")
        self.sender = Confirmations(self.store)
        self._discarding = BlobCollector(
            self.reader.open, self.store, self.sender, lambda: self.now, DELAY
        )

    def after(self, minutes: float, steps: int = 2) -> "Collecting":
        self.now = NOON + timedelta(minutes=minutes)
        for _ in range(steps):
            asyncio.run(self._discarding.step())
        return self

    @property
    def confirmed(self) -> list[str]:
        commands = self.sender.on(ASSET_COMMANDS)
        confirmations = [each for each in commands if isinstance(each, ConfirmErasure)]
        assert len(confirmations) == len(commands)
        assert {each.metadata.entity_id for each in confirmations} <= {"cat"}
        return [each.metadata.command_id for each in confirmations]

    @property
    def left(self) -> set[BlobKey]:
        return set(self.store.blobs)

    @property
    def committed(self) -> int:
        return self.reader.committed[PLACE]


def test_what_is_left_over_of_a_run_goes_after_the_delay_but_not_what_is_shown_of_it() -> None:
    collecting = Collecting(RUN)

    assert collecting.after(29).left == ALL
    assert collecting.committed == 0
    assert collecting.after(30).left == ALL - {KILLED}
    assert collecting.committed == 1


def test_each_waits_for_its_own_time_and_is_committed_when_it_is_done() -> None:
    collecting = Collecting(RUN, UPLOAD)

    assert collecting.after(30).left == ALL - {KILLED}
    assert collecting.committed == 1
    assert collecting.after(31).left == ALL - {KILLED, STAGED}
    assert collecting.committed == 2


def test_a_purge_is_confirmed_when_nothing_is_left() -> None:
    collecting = Collecting(PURGE)
    collecting.store.page_size = 1

    assert collecting.after(30, steps=4).confirmed == []
    assert collecting.after(30, steps=1).confirmed == [CONFIRMATION]
    assert collecting.left == {OTHERS}
    assert collecting.committed == 1


def test_a_store_that_is_away_is_asked_again_and_nothing_is_committed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collecting = Collecting(PURGE)

    async def away(*_: object, **__: object) -> int:
        raise StoreUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(collecting.store, "clear", away)
        assert collecting.after(30).confirmed == []
        assert collecting.committed == 0
    assert collecting.after(30, steps=3).confirmed == [CONFIRMATION]


@pytest.mark.parametrize(
    "junk",
    [
        b"from a newer release",
        SUBMITTED,
        replace(RUN, folder=BlobKey("assets/acme/dog/run-1")),
        replace(RUN, folder=BlobKey("assets/acme")),
        replace(RUN, folder=BlobKey("assets")),
        replace(RUN, folder=BlobKey("")),
        replace(RUN, folder=BlobKey(f"{ASSET}/../dog")),
        replace(RUN, folder=BlobKey(f"{ASSET}/")),
    ],
    ids=["undecodable", "another message", "of another", "tenant", "all", "none", "up", "slash"],
)
def test_what_may_not_be_carried_out_is_a_dead_letter_and_the_line_goes_on(
    junk: Message | bytes,
) -> None:
    collecting = Collecting(junk, RUN)

    assert collecting.after(31).left == ALL - {KILLED}
    assert collecting.committed == 2
    (letter,) = collecting.sender.on(IMAGE_JOBS_DEAD_LETTERS)
    assert isinstance(letter, DeadLetter)
    assert (letter.topic, letter.offset, letter.code) == (DISCARDED_BLOBS.name, 0, "undecodable")


def test_no_more_is_held_in_memory_than_there_is_room_for() -> None:
    collecting = Collecting(*[UPLOAD] * 6_000)

    collecting.after(0, steps=2)
    assert collecting.reader.is_paused
    collecting.after(30 + 6_000, steps=150)
    assert not collecting.reader.is_paused
    assert collecting.committed == 6_000
