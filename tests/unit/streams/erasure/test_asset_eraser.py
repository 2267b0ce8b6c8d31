"""Erasing many assets: all that was meant, nothing else, and until each is confirmed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from avro_schemas.codec import decode
from domain.asset.commands import DeleteAsset, PurgeAsset
from domain.bulk_operation.selection import Candidate
from domain.bulk_operation.values import Filter
from domain.values import AssetId, CorrelationId, Status, TenantId
from infra.kafka.producer import LogPosition
from infra.kafka.topics import ASSET_COMMANDS, Topic
from streams.erasure.asset_eraser import AssetEraser, ErasureRequest
from tests.support.samples import ACME, NOON

EVERY = (Status.SUBMITTED, Status.PUBLISHED, Status.REJECTED, Status.DELETED)
ALL = Filter(
    category=None,
    since=None,
    until=None,
    tags=(),
    statuses=EVERY,
    rendered_before=None,
    asset_ids=(),
)


def asset(number: int, status: Status = Status.PUBLISHED, *tags: str) -> Candidate:
    return Candidate(
        asset_id=AssetId(f"asset-{number}"),
        status=status,
        category_ids=(),
        tags=tags,
        created_at=NOON,
        pipeline_version=1,
        original_bytes=1,
        has_url=True,
    )


@dataclass(kw_only=True)
class Installation:
    """A tenant's assets: what is sent is shown when caught up with, and confirmed after a pause."""

    assets: dict[AssetId, Candidate]
    urls: dict[AssetId, str] = field(default_factory=dict)
    erased: set[AssetId] = field(default_factory=set)
    sent: list[DeleteAsset | PurgeAsset] = field(default_factory=list)
    later: list[Candidate] = field(default_factory=list)  # accepted before, decided in a pause
    at_last: list[Candidate] = field(default_factory=list)  # decided when caught up with again
    rounds: list[int] = field(default_factory=list)
    shown: int = 0
    looks: int = 0

    async def send(self, topic: Topic, key: str, value: bytes | None) -> LogPosition:
        command = decode(value or b"")
        assert isinstance(command, DeleteAsset | PurgeAsset)
        assert (topic, key) == (ASSET_COMMANDS, command.metadata.entity_id)
        self.sent.append(command)
        return LogPosition(topic=topic.name, partition=0, offset=0)

    async def caught_up(self) -> None:
        new = self.sent[self.shown :]
        self.shown = len(self.sent)
        self.rounds += [len(new)] if new else []
        self.looks += 1
        if self.looks > 1:
            self._arrive(self.at_last)
        for command in new:
            asset_id = AssetId(command.metadata.entity_id)
            before = self.assets[asset_id].status
            if isinstance(command, DeleteAsset) and before is not Status.PURGED:
                self._is_now(asset_id, Status.DELETED)
            elif before is Status.DELETED:
                self._is_now(asset_id, Status.PURGED)

    def _is_now(self, asset_id: AssetId, status: Status) -> None:
        self.assets[asset_id] = replace(self.assets[asset_id], status=status)

    async def scan(self, tenant_id: TenantId) -> AsyncIterator[Candidate]:
        assert tenant_id == ACME
        for candidate in list(self.assets.values()):
            yield candidate

    async def source_url(self, tenant_id: TenantId, asset_id: AssetId) -> str:
        assert tenant_id == ACME
        return self.urls.get(asset_id, "")

    async def is_erased(self, tenant_id: TenantId, asset_id: AssetId) -> bool:
        assert tenant_id == ACME
        return asset_id in self.erased

    async def pause(self, _seconds: float) -> None:
        """Have the purger end what it was asked for, and one that came late be there."""
        self.erased |= {each.asset_id for each in self.purged}
        self._arrive(self.later)

    def _arrive(self, late: list[Candidate]) -> None:
        self.assets |= {each.asset_id: each for each in late}
        late.clear()

    @property
    def purged(self) -> list[Candidate]:
        return [each for each in self.assets.values() if each.status is Status.PURGED]


def installed(*assets: Candidate) -> Installation:
    return Installation(assets={each.asset_id: each for each in assets})


def eraser(
    there: Installation, wanted: Filter = ALL, *, source_host: str | None = None
) -> AssetEraser:
    request = ErasureRequest(
        tenant_id=ACME,
        filter=wanted,
        source_host=source_host,
        is_whole=False,
        correlation_id=CorrelationId("this erasure"),
    )
    return AssetEraser(request, there, there, there, there.caught_up, lambda: NOON, there.pause)


def run(there: Installation, wanted: Filter = ALL, *, source_host: str | None = None) -> int:
    told: list[tuple[int, int]] = []
    asked = asyncio.run(
        eraser(there, wanted, source_host=source_host).run(lambda *each: told.append(each))
    )
    assert told[-1] == (asked, 0)
    return asked


def ids(*numbers: int) -> set[str]:
    return {f"asset-{number}" for number in numbers}


def test_whatever_state_it_is_in_it_is_deleted_purged_and_waited_for() -> None:
    there = installed(*(asset(number, status) for number, status in enumerate(EVERY)))
    assert run(there) == 4
    assert there.erased == ids(0, 1, 2, 3)
    assert {each.metadata.correlation_id for each in there.sent} == {"this erasure"}
    assert {each.metadata.actor for each in there.sent} == {"system:eraser"}


def test_a_look_changes_nothing() -> None:
    there = installed(asset(1), asset(2, Status.PURGED), asset(3, Status.PURGED))
    there.erased = {AssetId("asset-3")}
    found = asyncio.run(eraser(there).find_remaining())
    assert (found.wanted, found.purged, found.erased) == (1, ["asset-2"], 1)
    assert [each.asset_id for each in found.first] == ["asset-1"]
    assert there.sent == []


def test_only_what_the_filter_means_is_erased() -> None:
    there = installed(asset(1, Status.PUBLISHED, "face"), asset(2))
    assert run(there, replace(ALL, tags=("face",))) == 1
    assert there.erased == ids(1)


def test_only_what_came_from_a_host_is_erased() -> None:
    there = installed(asset(1), asset(2), asset(3), asset(4))
    there.urls = {
        AssetId("asset-1"): "https://user@Pictures.example:8443/a.jpg?token=1",
        AssetId("asset-2"): "https://other.example/pictures.example",
        AssetId("asset-3"): "https://[broken",
    }
    assert run(there, source_host="pictures.example") == 1
    assert there.erased == ids(1)


def test_begun_again_it_goes_on_with_what_is_left_and_waits_for_what_was_asked_for() -> None:
    there = installed(asset(1, Status.PURGED), asset(2))
    assert run(there) == 1
    assert there.erased == ids(1, 2)
    before = len(there.sent)
    assert run(there) == 0
    assert len(there.sent) == before


def test_one_that_was_accepted_before_and_decided_late_is_erased_too() -> None:
    there = installed(asset(1))
    there.later = [asset(2)]
    assert run(there) == 2
    assert there.erased == ids(1, 2)
    there = installed()
    there.at_last = [asset(3)]
    assert run(there) == 1
    assert there.erased == ids(3)


def test_what_is_purged_is_not_asked_for_again_whatever_the_filter_says() -> None:
    there = installed(asset(1, Status.PURGED))
    there.erased = {AssetId("asset-1")}
    assert run(there, replace(ALL, statuses=(Status.PURGED,))) == 0
    assert there.sent == []


def test_of_many_only_some_are_asked_for_at_a_time() -> None:
    there = installed(*map(asset, range(1_200)))
    assert run(there) == 1_200
    assert there.rounds == [1_000, 1_000, 400]


def test_stopped_at_any_progress_and_begun_again_all_is_erased() -> None:
    class Stopped(Exception):
        pass

    def stop(_asked: int, _left: int) -> None:
        raise Stopped

    there = installed(*map(asset, range(700)))
    with pytest.raises(Stopped):
        asyncio.run(eraser(there).run(stop))
    run(there)
    assert len(there.erased) == 700
