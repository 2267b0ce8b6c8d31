"""One tenant that sends slowly takes nothing that other tenants need."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest
from fastapi import FastAPI

from command_api.app import CommandApiParts, create_app
from domain.values import TenantId
from infra.api_settings import CommandApiSettings
from tests.support.api_keys import Keys
from tests.support.asgi import SlowRequest
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.unit.command_api.conftest import SETTINGS

EVIL = TenantId("evil")
FORM = "multipart/form-data; boundary=X"
FIELD = b'--X\r\nContent-Disposition: form-data; name="category"\r\n\r\ncats\r\n'
FILE = (
    b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nabc\r\n--X--\r\n'
)
UPLOAD = ("POST", "/v1/assets", {"content-type": FORM}, FIELD + FILE)
BATCH = (
    "POST",
    "/v1/assets/batch",
    {"content-type": "application/x-ndjson", "idempotency-key": "k"},
    b'{"download_url": "https://example.com/cat.jpg", "category": "cats"}\n',
)
WRITE = (
    "POST",
    "/v1/categories",
    {"content-type": "application/json"},
    b'{"name": "Cats and more"}',
)
Kind = tuple[str, str, Mapping[str, str], bytes]


def api(parts: CommandApiParts, **ours: object) -> FastAPI:
    """Make an API with the limits that it has by default, but for these."""
    limits = CommandApiSettings(requests_per_second=10_000, requests_per_second_per_tenant=10_000)
    changed = limits.model_copy(update={"queue_seconds": 1.0, **ours})
    app, _ = create_app(SETTINGS.model_copy(update={"command_api": changed}), parts)
    return app


def request(kind: Kind, key: str, *, stalls: bool = False) -> SlowRequest:
    method, path, headers, body = kind
    sent = {"authorization": f"Bearer {key}", "content-length": f"{len(body)}", **headers}
    parts = [body[: len(body) // 2]] if stalls else [body[:5], body[5:]]
    return SlowRequest(method, path, sent, parts, is_whole=not stalls)


@contextmanager
def stalled(app: FastAPI, requests: Sequence[SlowRequest]) -> Iterator[list[asyncio.Task[int]]]:
    tasks = [asyncio.create_task(each.answer(app)) for each in requests]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()


async def until_nothing_happens(
    requests: Sequence[SlowRequest], tasks: list[asyncio.Task[int]]
) -> None:
    """Wait until each request stalls, is turned away, or stands in line for its turn."""
    for _ in range(1_000):
        await asyncio.sleep(0)
        if all(
            task.done() or each.is_stalled.is_set()
            for each, task in zip(requests, tasks, strict=True)
        ):
            return


@pytest.fixture
def evil(keys: Keys) -> str:
    return keys.add(["assets:write"], EVIL)


@pytest.fixture
def good(keys: Keys, parts: CommandApiParts) -> str:
    key = keys.add(["assets:write"])
    setup = request(
        ("POST", "/v1/categories", {"content-type": "application/json"}, b'{"name": "Cats"}'), key
    )
    assert asyncio.run(setup.answer(api(parts))) == 201
    return key


@pytest.mark.parametrize(
    ("kind", "stalling"),
    [(UPLOAD, 100), (BATCH, 100), (WRITE, 1_200)],
    ids=["uploads", "batches", "writes"],
)
def test_another_tenant_is_let_in_while_one_has_as_much_under_way_as_it_can_get(
    parts: CommandApiParts, evil: str, good: str, kind: Kind, stalling: int
) -> None:
    async def story() -> list[int]:
        app = api(parts)
        slow = [request(kind, evil, stalls=True) for _ in range(stalling)]
        with stalled(app, slow) as tasks:
            await until_nothing_happens(slow, tasks)
            assert sum(each.is_stalled.is_set() for each in slow) >= 8
            return [await request(each, good).answer(app) for each in (UPLOAD, BATCH, WRITE) * 7]

    answers = asyncio.run(story())
    assert len(answers) == 21
    assert all(status < 300 or status == 409 for status in answers), answers


def test_stalled_writes_are_not_in_flight(parts: CommandApiParts, evil: str, good: str) -> None:
    async def story() -> int:
        app = api(parts, max_in_flight=2)
        slow = [request(WRITE, evil, stalls=True) for _ in range(5)]
        with stalled(app, slow) as tasks:
            await until_nothing_happens(slow, tasks)
            return await request(WRITE, good).answer(app)

    assert asyncio.run(story()) == 201


def test_slow_uploads_and_batches_and_writes_end_and_their_places_are_free_again(
    parts: CommandApiParts, evil: str
) -> None:
    async def story(kind: Kind) -> list[int]:
        app = api(parts, receive_idle_seconds=0.2, max_uploads=2, max_batches=2)
        statuses = []
        for _ in range(3):
            each = request(kind, evil, stalls=True)
            statuses.append(await asyncio.wait_for(each.answer(app), 20))
            assert each.headers["connection"] == "close"
        return statuses

    for kind in (UPLOAD, BATCH, WRITE):
        assert asyncio.run(story(kind)) == [408] * 3


def test_nothing_is_staged_of_an_upload_that_stalls(
    parts: CommandApiParts, evil: str, blobs: MemoryBlobStore
) -> None:
    app = api(parts, receive_idle_seconds=0.05)
    assert asyncio.run(request(UPLOAD, evil, stalls=True).answer(app)) == 408
    assert blobs.blobs == {}


def test_twenty_uploads_at_once_all_succeed(parts: CommandApiParts, good: str) -> None:
    async def story() -> list[int]:
        app = api(parts)
        return await asyncio.gather(*(request(UPLOAD, good).answer(app) for _ in range(20)))

    assert asyncio.run(story()) == [202] * 20


def test_an_upload_that_waits_for_its_turn_is_not_read_meanwhile(
    parts: CommandApiParts, evil: str, good: str
) -> None:
    async def story() -> tuple[int, int, int]:
        app = api(parts, max_uploads=1, queue_seconds=30.0)
        slow = request(UPLOAD, evil, stalls=True)
        with stalled(app, [slow]) as tasks:
            await until_nothing_happens([slow], tasks)
            waiting = request(UPLOAD, good)
            answer = asyncio.create_task(waiting.answer(app))
            for _ in range(50):
                await asyncio.sleep(0)
            taken = waiting.parts_taken
            tasks[0].cancel()
            return taken, await answer, waiting.parts_taken

    assert asyncio.run(story()) == (0, 202, 2)


def test_an_upload_that_gets_no_turn_in_time_is_told_to_come_again(
    parts: CommandApiParts, evil: str, good: str
) -> None:
    async def story() -> SlowRequest:
        app = api(parts, max_uploads=1, queue_seconds=0.05)
        slow = request(UPLOAD, evil, stalls=True)
        with stalled(app, [slow]) as tasks:
            await until_nothing_happens([slow], tasks)
            refused = request(UPLOAD, good)
            await refused.answer(app)
            return refused

    refused = asyncio.run(story())
    assert refused.status == 503
    assert refused.headers["retry-after"]
    assert refused.json()["type"].endswith("/problems/overloaded")
