"""A read that must show a write waits for it, and is never stale."""

import asyncio
from contextlib import suppress

import pytest
from starlette.testclient import TestClient

from infra.errors import StoreUnavailable
from infra.http.position_header import position_to_header
from infra.kafka.producer import LogPosition
from query_api.errors import ViewBehind
from query_api.read_your_writes import ReadYourWritesBarrier
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.categories.projection import CATEGORIES
from read_models.public_assets.projection import PUBLIC_ASSETS
from read_models.registry import QUERIED_VIEWS
from read_models.view import View
from read_models.view_reader import ViewReader
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.story import Story
from tests.unit.query_api.conftest import FREE

APPLIED = "SELECT partition, applied_offset"
WRITE = LogPosition(topic="asset-events", partition=3, offset=41)
HEADER = {"ScaleHoster-Position": position_to_header("asset-events:3:41")}


def barrier(tables: MemoryTables) -> ReadYourWritesBarrier:
    return ReadYourWritesBarrier(ViewReader(tables, QUERIED_VIEWS))


def test_a_view_that_has_passed_the_write_answers(
    client: TestClient, tables: MemoryTables, story: Story
) -> None:
    named = story.publish(1)
    tables.applied |= {("asset_by_id", 3): 42, ("assets_by_content", 3): 42}
    assert client.get(f"/v1/assets/{named}", headers=HEADER).status_code == 200


def test_a_view_that_is_behind_is_never_shown(
    client: TestClient, tables: MemoryTables, story: Story
) -> None:
    named = story.publish(1)
    tables.applied["asset_by_id", 3] = 41
    answer = client.get(f"/v1/assets/{named}", headers=HEADER)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["type"].endswith("/problems/view-behind")


def test_only_the_views_that_are_shown_have_to_be_there(
    client: TestClient, tables: MemoryTables, story: Story
) -> None:
    tables.applied["assets_by_date", 3] = 42
    assert client.get("/v1/assets", headers=HEADER).status_code == 200
    assert client.get("/v1/categories/cats/assets", headers=HEADER).status_code == 503
    assert client.get("/v1/categories", headers=HEADER).status_code == 200


def test_all_of_several_writes_have_to_be_there(
    client: TestClient, tables: MemoryTables, story: Story
) -> None:
    tables.applied["assets_by_date", 3] = 42
    both = {
        "ScaleHoster-Position": f"{HEADER['ScaleHoster-Position']}, "
        + position_to_header("category-events:0:7")
    }
    assert client.get("/v1/assets", headers=both).status_code == 503
    tables.applied["categories", 0] = 8
    assert client.get("/v1/assets", headers=both).status_code == 200


def test_a_picture_waits_too(client: TestClient, tables: MemoryTables, story: Story) -> None:
    named = story.publish(1)
    assert client.get(f"/i/{named}", headers=HEADER).status_code == 503
    tables.applied["public_assets", 3] = 42
    assert client.get(f"/i/{named}", headers=HEADER).status_code == 200


@pytest.mark.parametrize("sent", ["", "Bearer nobody", "Bearer acme-writes", "Bearer too-early"])
def test_without_a_key_that_may_read_a_position_counts_for_nothing(
    nobody: TestClient, tables: MemoryTables, story: Story, sent: str
) -> None:
    named = story.publish(1)
    headers = HEADER | {"Authorization": sent, "Prefer": "wait=60"}
    for path in (f"/i/{named}", f"/i/{named}/thumb", f"/i/{named}/{FREE}"):
        assert nobody.get(path, headers=headers).status_code == 200
    assert tables.times_asked(APPLIED) == 0


def test_what_was_remembered_does_not_hide_the_write(
    client: TestClient, tables: MemoryTables, story: Story
) -> None:
    story.publish(1, "cats")
    client.get("/v1/categories/cats/assets").raise_for_status()
    tables.applied["assets_by_category", 3] = 42
    story.publish(2, "cats", at=story.now.replace(year=2027))
    page = client.get("/v1/categories/cats/assets", headers=HEADER).json()
    assert len(page["items"]) == 2


@pytest.mark.parametrize(
    "sent",
    [
        "?",
        "YQ",
        "é",
        position_to_header("asset-events:x:1"),
        position_to_header("elsewhere:0:1"),
        position_to_header("asset-events:12:1"),
        position_to_header("category-events:3:1"),
        position_to_header("asset-events:-1:1"),
        ",".join([HEADER["ScaleHoster-Position"]] * 17),
    ],
)
def test_a_position_that_is_none_is_refused(
    client: TestClient, tables: MemoryTables, sent: str
) -> None:
    answer = client.get("/v1/assets", headers={b"ScaleHoster-Position": sent.encode()})
    assert answer.status_code == 400
    assert tables.times_asked(APPLIED) == 0


class ArrivesAtTheThirdLook:
    """A view that takes its time."""

    def __init__(self) -> None:
        self.looks = 0

    async def applied_offsets(self, view: View) -> dict[int, int]:
        self.looks += 1
        return {3: 42 if self.looks == 3 else 41}


def test_a_read_begins_when_the_view_arrives() -> None:
    view = ArrivesAtTheThirdLook()
    asyncio.run(ReadYourWritesBarrier(view).wait([WRITE], [ASSET_BY_ID], 10))
    assert view.looks == 3


def test_a_hundred_readers_ask_as_often_as_one(tables: MemoryTables) -> None:
    async def asked_by(count: int) -> int:
        reached = barrier(tables)
        tables.asked.clear()
        readers = [reached.wait([WRITE], [ASSET_BY_ID], 0.1) for _ in range(count)]
        for ended in await asyncio.gather(*readers, return_exceptions=True):
            assert isinstance(ended, ViewBehind)
        return tables.times_asked(APPLIED)

    assert asyncio.run(asked_by(100)) < 25


def test_however_many_positions_are_waited_for_one_question_answers_them(
    tables: MemoryTables,
) -> None:
    async def asked_by(count: int) -> int:
        reached = barrier(tables)
        tables.asked.clear()
        readers = [
            reached.wait(
                [LogPosition(topic="asset-events", partition=number % 12, offset=41)], [view], 0.1
            )
            for number in range(count)
            for view in (ASSET_BY_ID, PUBLIC_ASSETS)
        ]
        for ended in await asyncio.gather(*readers, return_exceptions=True):
            assert isinstance(ended, ViewBehind)
        return tables.times_asked(APPLIED)

    assert asyncio.run(asked_by(120)) <= 2 * 12, "of each view 20 a second, after the first ones"


def test_newcomers_do_not_make_the_questions_more_frequent(tables: MemoryTables) -> None:
    """Who waits for what never comes decides nothing, also one after the other."""

    async def asked() -> tuple[int, int]:
        reached = barrier(tables)
        first = asyncio.create_task(reached.wait([WRITE], [ASSET_BY_ID], 0.5))
        newcomers = 0
        while not first.done():
            with suppress(ViewBehind):
                await reached.wait([WRITE], [ASSET_BY_ID], 0.002)
            newcomers += 1
        assert isinstance(first.exception(), ViewBehind)
        return newcomers, tables.times_asked(APPLIED)

    newcomers, questions = asyncio.run(asked())
    assert newcomers > questions
    assert questions <= 20


class FailsAtOnce:
    """A view store that is down, for one view."""

    def __init__(self) -> None:
        self.looks = 0

    async def applied_offsets(self, view: View) -> dict[int, int]:
        if view is ASSET_BY_ID:
            raise StoreUnavailable("down")
        self.looks += 1
        return {}


def test_where_one_view_fails_nobody_goes_on_waiting_for_another() -> None:
    async def looks_afterwards() -> int:
        progress = FailsAtOnce()
        reached = ReadYourWritesBarrier(progress)
        for _ in range(2):  # and what failed once is asked again
            with pytest.raises(StoreUnavailable):
                await reached.wait([WRITE], [PUBLIC_ASSETS, ASSET_BY_ID], 10)
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 - what was begun comes to an end
                await asyncio.sleep(0)
        return progress.looks

    assert asyncio.run(looks_afterwards()) <= 2


def test_a_view_of_another_topic_is_not_waited_for(tables: MemoryTables) -> None:
    asyncio.run(barrier(tables).wait([WRITE], [CATEGORIES], 0.01))
    assert tables.times_asked(APPLIED) == 0
