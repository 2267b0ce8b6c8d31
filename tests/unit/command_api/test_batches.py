"""POST /v1/assets/batch: many pictures in one request."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, MutableMapping
from contextlib import AsyncExitStack, nullcontext
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from command_api.app import CommandApiParts, create_app
from command_api.batch_import.batch_importer import MOST_AT_ONCE
from command_api.batch_import.outcome_stream import OutcomeStream
from domain.asset.commands import SubmitAsset
from domain.outcomes import Outcome
from infra.http.position_header import position_from_header
from tests.support.api_keys import Keys
from tests.support.fakes.fake_decider import AnyCommand, FakeDecider
from tests.unit.command_api.conftest import SETTINGS

PATH = "/v1/assets/batch"
NDJSON, CSV = "application/x-ndjson", "text/csv"
Told = list[dict[str, Any]]


def cat(number: int, **more: object) -> dict[str, object]:
    return {"download_url": f"https://example.com/{number}.jpg", "category": "cats", **more}


def ndjson(*items: object) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def send(
    client: TestClient,
    content: bytes,
    media_type: str = NDJSON,
    key: str = "k",
    **query: str,
) -> httpx2.Response:
    headers = {"content-type": media_type, "idempotency-key": key}
    return client.post(PATH, content=content, headers=headers, params=query)


def told(response: httpx2.Response) -> Told:
    assert response.status_code == HTTPStatus.OK, response.text
    assert response.headers["content-type"] == NDJSON
    return [json.loads(line) for line in response.text.splitlines()]


def refused(line: dict[str, Any]) -> str:
    assert line["status"] == "refused", line
    assert line["problem"]["status"] in range(400, 500)
    return str(line["problem"]["type"].rpartition("/")[2])


def submitted(decider: FakeDecider) -> list[str]:
    return [
        str(event.metadata.entity_id)
        for event in decider.events
        if type(event).__name__ == "AssetSubmitted"
    ]


def as_array(items: list[dict[str, object]]) -> bytes:
    return json.dumps(items, indent=2).encode()


def as_csv(items: list[dict[str, object]]) -> bytes:
    rows = [f"{item['download_url']},{item['category']}" for item in items]
    return "\r\n".join(["download_url,category", *rows]).encode()


@pytest.mark.parametrize(
    ("media_type", "content", "first"),
    [
        (NDJSON, ndjson(cat(1), cat(2), cat(3)), 1),
        ("application/json; charset=utf-8", as_array([cat(1), cat(2), cat(3)]), 1),
        (CSV, as_csv([cat(1), cat(2), cat(3)]), 2),
    ],
)
def test_every_line_becomes_an_asset_told_in_order(
    client: TestClient, decider: FakeDecider, media_type: str, content: bytes, first: int
) -> None:
    lines = told(send(client, content, media_type))
    assert [line["line"] for line in lines] == [first, first + 1, first + 2]
    assert {line["status"] for line in lines} == {"accepted"}
    assert [line["asset_id"] for line in lines] == submitted(decider)
    assert position_from_header(lines[0]["position"]).topic == "asset-events"
    urls = [c.source.url for c in decider.sent if isinstance(c, SubmitAsset)]
    assert urls == [cat(number)["download_url"] for number in (1, 2, 3)]


def test_the_same_line_is_the_same_asset_in_every_form(
    client: TestClient, decider: FakeDecider
) -> None:
    for media_type, content in (
        (NDJSON, ndjson(cat(1))),
        ("application/json", as_array([cat(1)])),
        (CSV, as_csv([cat(1)])),
    ):
        send(client, content, media_type)
    assert len(submitted(decider)) == 1


def test_sending_it_again_with_more_lines_inserts_only_those(
    client: TestClient, decider: FakeDecider
) -> None:
    before = told(send(client, ndjson(cat(1), cat(2))))
    after = told(send(client, ndjson(cat(0), cat(1), cat(2))))
    assert [line["asset_id"] for line in after[1:]] == [line["asset_id"] for line in before]
    assert len(submitted(decider)) == 3


def test_another_key_inserts_anew(client: TestClient, decider: FakeDecider) -> None:
    for key in ("a", "b"):
        send(client, ndjson(cat(1)), key=key)
    assert len(set(submitted(decider))) == 2


def test_a_single_insert_under_the_batchs_key_is_another_asset(
    client: TestClient, decider: FakeDecider
) -> None:
    send(client, ndjson(cat(1)), key="k")
    response = client.post("/v1/assets", json=cat(1), headers={"idempotency-key": "k"})
    assert response.status_code == 202
    assert len(set(submitted(decider))) == 2


def test_a_line_that_is_there_twice_is_told_so(client: TestClient, decider: FakeDecider) -> None:
    lines = told(send(client, ndjson(cat(1), cat(2), dict(reversed(cat(1).items())))))
    assert [line.get("same_as_line") for line in lines] == [None, None, 1]
    assert lines[2]["asset_id"] == lines[0]["asset_id"]
    assert len(submitted(decider)) == 2


BAD: list[tuple[bytes, str]] = [
    (b"{", "malformed-json"),
    (b"7", "request-invalid"),
    (b"\xff", "malformed-json"),
    (b"[" * 5_000, "malformed-json"),
    (ndjson(cat(9, colour="red")), "request-invalid"),
    (ndjson({"download_url": "http://10.0.0.1/a.jpg", "category": "cats"}), "request-invalid"),
    (ndjson(cat(9, category="dogs")), "unknown-category"),
    (ndjson(cat(9, title="x" * 70_000)), "body-too-large"),
]


@pytest.mark.parametrize(
    ("bad", "problem"), BAD, ids=[f"{n}-{bad[1]}" for n, bad in enumerate(BAD)]
)
def test_one_bad_line_harms_no_other(
    client: TestClient, decider: FakeDecider, bad: bytes, problem: str
) -> None:
    content = ndjson(cat(1)) + bad.strip() + b"\n\n" + ndjson(cat(2)).strip()
    first, second, third = told(send(client, content))
    assert refused(second) == problem
    assert [first["line"], second["line"], third["line"]] == [1, 2, 4]
    assert [first["status"], third["status"]] == ["accepted", "accepted"]
    assert len(submitted(decider)) == 2


def test_a_refused_line_tells_what_the_single_insert_tells(client: TestClient) -> None:
    wrong = cat(1, tags=["x" * 101])
    headers = {"x-request-id": "r"}
    alone = client.post("/v1/assets", json=wrong, headers=headers).json()
    headers |= {"idempotency-key": "k", "content-type": NDJSON}
    among = told(client.post(PATH, content=ndjson(wrong), headers=headers))
    assert among[0]["problem"] == alone
    assert alone["errors"][0]["pointer"] == "#/tags/0"


def test_a_fault_of_ours_in_one_line_harms_no_other(
    client: TestClient, decider: FakeDecider
) -> None:
    decide = decider.decide

    def fail_once(command: AnyCommand) -> Outcome:
        decider.decide = decide  # type: ignore[method-assign] # the next line fares better
        raise RuntimeError("secret 10.1.2.3")

    decider.decide = fail_once  # type: ignore[method-assign] # as a bug would
    first, second = told(send(client, ndjson(cat(1), cat(2))))
    assert first["status"] == "undecided"
    assert "10.1.2.3" not in json.dumps(first)
    assert second["status"] == "accepted"


def test_missing_categories_are_opened_when_asked_for(
    client: TestClient, decider: FakeDecider
) -> None:
    content = ndjson(*(cat(number, category="owls") for number in range(5)))
    assert {refused(line) for line in told(send(client, content))} == {"unknown-category"}
    lines = told(send(client, content, create_missing_categories="true"))
    assert {line["status"] for line in lines} == {"accepted"}
    names = [type(event).__name__ for event in decider.events]
    assert names.count("CategoryCreated") == 2  # cats was there


def test_what_is_not_decided_in_time_is_undecided_and_sent_again_accepted(
    client: TestClient, impatient: TestClient, decider: FakeDecider
) -> None:
    decider.is_silent = True
    (line,) = told(send(impatient, ndjson(cat(1))))
    assert line["status"] == "undecided"
    assert line["problem"]["status"] == 503
    decider.is_silent = False
    decider.catch_up()
    assert [line["status"] for line in told(send(client, ndjson(cat(1))))] == ["accepted"]
    assert len(submitted(decider)) == 1


def test_a_broker_that_is_down_leaves_lines_undecided(
    client: TestClient, decider: FakeDecider
) -> None:
    decider.is_down = True
    lines = told(send(client, ndjson(cat(1), cat(2))))
    assert [line["status"] for line in lines] == ["undecided"] * 2
    assert lines[0]["problem"]["type"].endswith("/problems/broker-unavailable")


def test_without_a_key_nothing_is_taken_in(client: TestClient, decider: FakeDecider) -> None:
    sent = len(decider.sent)
    response = client.post(PATH, content=ndjson(cat(1)), headers={"content-type": NDJSON})
    assert response.status_code == 400
    assert response.json()["errors"][0]["parameter"] == "Idempotency-Key"
    assert len(decider.sent) == sent


@pytest.mark.parametrize("media_type", ["text/plain", "multipart/form-data; boundary=x", ""])
def test_another_media_type_is_refused(client: TestClient, media_type: str) -> None:
    assert send(client, b"", media_type).status_code == 415


def limited(parts: CommandApiParts, keys: Keys, **limits: int) -> TestClient:
    ours = SETTINGS.command_api.model_copy(update=limits)
    app, _ = create_app(SETTINGS.model_copy(update={"command_api": ours}), replace(parts))
    return TestClient(app, headers={"authorization": f"Bearer {keys.add(['assets:write'])}"})


def test_a_batch_beyond_a_limit_is_refused_before_anything_of_it_is_done(
    client: TestClient, parts: CommandApiParts, keys: Keys, decider: FakeDecider
) -> None:
    content = ndjson(*map(cat, range(10)))
    sent = len(decider.sent)
    for limits, named in (
        ({"max_batch_lines": 9}, {"max_lines": 9}),
        ({"max_batch_bytes": len(content) - 1}, {"max_bytes": len(content) - 1}),
    ):
        response = send(limited(parts, keys, **limits), content)
        assert response.status_code == 413
        assert named.items() <= response.json().items()
    assert len(decider.sent) == sent
    exact = limited(parts, keys, max_batch_lines=10, max_batch_bytes=len(content), max_body_bytes=5)
    assert len(told(send(exact, content))) == 10


@pytest.mark.parametrize(
    ("media_type", "content", "status"),
    [
        ("application/json", b"{}", 400),
        ("application/json", b"", 400),
        ("application/json", ndjson([cat(1)])[:-2], 400),
        ("application/json", as_array([cat(1)]) + b"x", 400),
        ("application/json", b"[1 2]", 400),
        ("application/json", b'["' + 70_000 * b"x" + b'"]', 413),
        (CSV, b"", 400),
        (CSV, b"https://example.com/1.jpg,cats", 400),
        (CSV, b"download_url,colour\n", 400),
    ],
)
def test_what_makes_no_sense_as_a_whole_is_refused_as_a_whole(
    client: TestClient, decider: FakeDecider, media_type: str, content: bytes, status: int
) -> None:
    sent = len(decider.sent)
    response = send(client, content, media_type)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert len(decider.sent) == sent


@pytest.mark.parametrize(("media_type", "content"), [(NDJSON, b""), ("application/json", b"[]")])
def test_a_batch_of_nothing_is_answered_with_nothing(
    client: TestClient, media_type: str, content: bytes
) -> None:
    assert told(send(client, content, media_type)) == []


class Slow:
    """A decider that is asked whether too much is under way at once."""

    def __init__(self, decider: FakeDecider) -> None:
        self.decider = decider
        self.most = 0

    async def watch(self, answer: asyncio.Future[httpx2.Response]) -> httpx2.Response:
        decided = len(self.decider.sent)
        while not answer.done():
            waiting = len(self.decider.sent) - decided
            self.most = max(self.most, waiting)
            if waiting >= MOST_AT_ONCE:
                self.decider.catch_up()
                decided = len(self.decider.sent)
            await asyncio.sleep(0)
        return await answer


def client_of(parts: CommandApiParts, keys: Keys) -> httpx2.AsyncClient:
    app, _ = create_app(SETTINGS, parts)
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app),
        base_url="http://api",
        headers={
            "authorization": f"Bearer {keys.add(['assets:write'])}",
            "content-type": NDJSON,
            "idempotency-key": "k",
        },
    )


@pytest.mark.usefixtures("client")
def test_only_so_many_lines_are_under_way_at_once(
    parts: CommandApiParts, keys: Keys, decider: FakeDecider
) -> None:
    decider.is_silent = True
    slow = Slow(decider)

    async def sent() -> httpx2.Response:
        async with client_of(parts, keys) as client:
            content = ndjson(*map(cat, range(4 * MOST_AT_ONCE)))
            return await slow.watch(asyncio.ensure_future(client.post(PATH, content=content)))

    lines = told(asyncio.run(sent()))
    assert [line["line"] for line in lines] == list(range(1, 4 * MOST_AT_ONCE + 1))
    assert slow.most == MOST_AT_ONCE


class Caller:
    """Speaks ASGI itself, to take or not to take what is answered, and to hang up."""

    def __init__(
        self, parts: CommandApiParts, keys: Keys, content: bytes, *, is_whole: bool = True
    ) -> None:
        self._is_whole = is_whole
        self.app, _ = create_app(SETTINGS, parts)
        self.content = content
        self.may_take = asyncio.Event()
        self.hangs_up = asyncio.Event()
        self._has_sent = False
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": PATH,
            "raw_path": PATH.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [
                (b"authorization", f"Bearer {keys.add(['assets:write'])}".encode()),
                (b"content-type", NDJSON.encode()),
                (b"idempotency-key", b"k"),
            ],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 3000),
        }

    async def receive(self) -> dict[str, object]:
        if not self._has_sent:
            self._has_sent = True
            return {"type": "http.request", "body": self.content, "more_body": not self._is_whole}
        await self.hangs_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, object]) -> None:
        if message.get("body"):
            await self.may_take.wait()

    async def until_nothing_moves(self, decider: FakeDecider) -> int:
        while len(decider.sent) <= MOST_AT_ONCE:  # noqa: ASYNC110 - until the window is full
            await asyncio.sleep(0)
        seen = -1
        while seen != len(decider.sent):
            seen = len(decider.sent)
            for _ in range(1_000):
                await asyncio.sleep(0)
        return seen


@pytest.mark.usefixtures("client")
def test_a_client_that_does_not_read_stops_us_and_one_that_hangs_up_ends_it(
    parts: CommandApiParts, keys: Keys, decider: FakeDecider
) -> None:
    total = 8 * MOST_AT_ONCE

    async def call() -> tuple[int, int]:
        caller = Caller(parts, keys, ndjson(*map(cat, range(total))))
        answering = asyncio.ensure_future(caller.app(caller.scope, caller.receive, caller.send))
        begun = await caller.until_nothing_moves(decider)
        caller.hangs_up.set()
        await answering
        return begun, len(decider.sent)

    begun, ended = asyncio.run(call())
    assert 0 < begun <= 2 * MOST_AT_ONCE
    assert ended == begun
    decider.is_silent = False
    with limited(parts, keys) as client:  # what was accepted stays, and sending again goes on
        told(send(client, ndjson(*map(cat, range(total)))))
    assert len(submitted(decider)) == len(set(submitted(decider))) == total


@pytest.mark.usefixtures("client")
def test_batches_are_few_at_a_time_and_make_room_however_they_end(
    parts: CommandApiParts, keys: Keys, decider: FakeDecider
) -> None:
    async def bodies(hold: asyncio.Event) -> AsyncIterator[bytes]:
        await hold.wait()
        yield ndjson(cat(1))

    async def sent() -> tuple[httpx2.Response, list[httpx2.Response]]:
        async with client_of(parts, keys) as client:
            hold = asyncio.Event()
            first = [
                asyncio.ensure_future(client.post(PATH, content=bodies(hold))) for _ in range(8)
            ]
            for _ in range(100):
                await asyncio.sleep(0)
            turned_away = await client.post(PATH, content=ndjson(cat(1)))
            hold.set()
            return turned_away, [
                *await asyncio.gather(*first),
                await client.post(PATH, content=b"{}"),
                await client.post(PATH, content=ndjson(cat(1))),
            ]

    turned_away, others = asyncio.run(sent())
    assert turned_away.status_code == 503
    assert turned_away.json()["type"].endswith("/problems/overloaded")
    assert {other.status_code for other in others} == {200}
    assert len(submitted(decider)) == 1


def test_a_body_that_is_cut_off_leaves_nothing(parts: CommandApiParts, keys: Keys) -> None:
    async def call() -> None:
        caller = Caller(parts, keys, ndjson(cat(1)), is_whole=False)
        caller.may_take.set()
        caller.hangs_up.set()
        await caller.app(caller.scope, caller.receive, caller.send)

    asyncio.run(call())
    assert isinstance(parts.sender, FakeDecider)
    assert parts.sender.sent == []


@pytest.mark.parametrize("takes", [True, False])
def test_what_is_held_for_a_batch_is_let_go_however_it_ends(takes: bool) -> None:  # noqa: FBT001 - a parameter of the test
    let_go: list[str] = []

    async def outcomes() -> AsyncGenerator[bytes]:
        yield b"{}\n"

    async def wait_for_ever() -> dict[str, object]:
        await asyncio.Event().wait()
        raise AssertionError("nothing ever happens")

    async def send(message: MutableMapping[str, object]) -> None:
        if message.get("body") and not takes:
            await wait_for_ever()

    async def call() -> None:
        held = AsyncExitStack()
        held.callback(let_go.append, "the file")
        scope = {"type": "http", "asgi": {"spec_version": "2.3"}}
        stream = OutcomeStream(outcomes(), held, write_timeout_seconds=5 if takes else 0.01)
        await stream(scope, wait_for_ever, send)

    with nullcontext() if takes else pytest.raises(TimeoutError):
        asyncio.run(call())
    assert let_go == ["the file"]
