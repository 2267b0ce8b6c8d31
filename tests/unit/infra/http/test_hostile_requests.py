"""A thousand requests that nobody should send: each is refused, and none is our fault."""

import json
import random
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import pytest
from fastapi import FastAPI

from command_api.app import CommandApiParts
from command_api.app import create_app as create_command_api
from command_api.ids import uuid7
from domain.outcomes import Outcome, outcome_in
from domain.values import TenantId
from infra.api_settings import CommandApiSettings
from infra.decider_runtime.pending_replies import PendingReplies
from infra.http.authentication.api_key_table import ApiKeyTable
from infra.settings import Settings
from query_api.app import BaseUrls, QueryApiDependencies
from query_api.app import create_app as create_query_api
from read_models.dead_letters import DeadLetterQueue
from read_models.view_reader import ViewReader
from tests.support.api_keys import Keys
from tests.support.fakes.fake_decider import FakeDecider
from tests.support.fakes.memory_asset_scan import MemoryWalk
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.memory_dead_letters import MemoryDeadLetterLog
from tests.support.fakes.memory_log import MemoryEventLog, MemoryLogEnds
from tests.support.fakes.memory_maintenance_tasks import MemoryRequestBook
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.fakes.memory_webhooks import memory_webhooks
from tests.support.loopback import PATIENT, Loopback, rest
from tests.unit.query_api.conftest import MemoryRenderer

COUNT = 700  # of each of the two services
SEED = 48
IMPATIENT = replace(PATIENT, head_seconds=1.0, look_seconds=0.2)
ID = "0190e5a2-6f1c-7c39-9b0e-3f1d7a7f0c11"


def position(text: str) -> str:
    return urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


WORDS = [
    ID,
    ID.upper(),
    "cats",
    "0",
    "-1",
    "latest",
    "%00",
    "%ff%fe",
    "%C3%BC",
    "%F0%9F%90%88",
    "%2e%2e%2f",
    "..;",
    "a" * 300,
    "w_1,f_webp",
    "w_99999999999999999999,f_webp",
    "w_%D9%A3,f_webp",
    "g_fp_nan_inf,w_1",
    "{}",
    "'\"",
    "%0d%0aX:y",
]
NUMBERS = ["", "0", "-1", "1e3", "9" * 40, "%D9%A3", "1.5", "nan", "%00", "1" * 5_000]
MOMENTS = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00%2B14:00",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31",
    "0000-01-01",
    "10000-01-01",
    "2026-02-30",
    "-1",
    "1e400",
    "9" * 30,
    "now",
    "%00",
]
QUERIES = {
    "limit": NUMBERS,
    "version": NUMBERS,
    "as_of": MOMENTS,
    "from": MOMENTS,
    "to": MOMENTS,
    "cursor": ["", "x", "%00", "A" * 2_000, "%ff"],
    "order": ["up", "", "asc"],
    "include_descendants": ["true", "maybe"],
    "v": ["1" * 16, "%00", "é".encode().hex()],
    "s": ["", "%C3%A9", "A" * 24],
    "topic": ["none", "%00"],
    "after": NUMBERS,
    "state": ["none", ""],
}
HEADERS = {
    "Accept": ["", "q=", "image/webp;q=nan", "*/*;q=1e999", ",;,;", "a" * 3_000],
    "Content-Type": [
        "application/json",
        "application/json; charset=utf-16",
        "application/merge-patch+json",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=x",
        "multipart/form-data; boundary=" + "x" * 300,
        "multipart/form-data; boundary=x; charset=utf-7",
        "text/csv",
        "application/x-ndjson",
        ";",
    ],
    "Idempotency-Key": ["k", '"k"', '"', "", '"\\\\"', "k" * 256, "ü"],
    "If-Match": ["*", '"1"', '"99999999999999999999"', 'W/"1"', '"-1"', "", '"1", "2"'],
    "If-None-Match": ["*", '"', "W/", ",,,", '"a' * 500],
    "Last-Event-ID": ["", "x", "é", "A" * 2_000],
    "Prefer": ["wait=0", "wait=x", "wait=-1", "wait=" + "9" * 30, "respond-async", ";;,="],
    "Range": ["bytes=-", "bytes=9-1", "bytes=" + "9" * 400 + "-", "bytes=0-0,2-3", "x"],
    "ScaleHoster-Position": [
        "",
        ",",
        "é",
        "A",
        *map(
            position,
            (
                "asset-events:0:" + "9" * 30,
                "asset-events:" + "9" * 30 + ":0",
                "asset-events:-1:-1",
                "asset-events:\u0663:1",
                "asset-events:0:" + "9" * 4_500,
                "asset-events:1_1:1",
                ":::",
                "\x00:0:0",
            ),
        ),
    ],
    "X-Request-Id": ["", "é", "a" * 500, "<script>"],
    "Expect": ["100-continue", "200-maybe"],
    "Upgrade": ["websocket", "h2c"],
    "Connection": ["upgrade", "keep-alive, close"],
    "Host": ["", "evil.example", "[::", "a" * 300],
    "Transfer-Encoding": ["chunked", "gzip", "identity", "chunked, chunked"],
    "Content-Length": ["-1", "+5", "0x5", "9" * 30, "5, 5", ""],
    "Authorization": ["Bearer", "Bearer é", "Basic x", "Bearer shk_" + "0" * 39],
}
TEXTS = [
    "",
    "x",
    "\x00",
    "\u202e",
    "\ufe0f",
    "\ufeff",
    "🐈" * 10,
    "a" * 5_000,
    "../..",
    "https://example.com/cat.jpg",
    "http://[::1",
    "http://\u0000/",
    "https://example.com:99999999/",
    "javascript:1",
    ID,
    "cats",
    "tag",
]
FIELDS = [
    "download_url", "category", "categories", "title", "alt_text", "tags", "metadata", "preset",
    "focal_point", "duplicates", "create_missing_categories", "name", "slug", "parent", "kind",
    "filter", "dry_run", "per_second", "url", "event_types", "since", "until", "view", "generation",
    "events_per_second", "add", "remove", "is_enabled", "description",
]  # fmt: skip
LITERALS = [
    "null",
    "true",
    "0",
    "-0.0",
    "1e400",
    "NaN",
    "-Infinity",
    "9" * 400,
    '"\\ud800"',
    "{",
    "[" * 50_000,
]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
RAW = [
    b"",
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://evil.example/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\nConnection: close\n\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01",
]


@dataclass
class Hostile:
    """Makes requests up, the same ones each time."""

    chance: random.Random
    paths: Sequence[tuple[str, str]]
    key: str

    def request(self) -> bytes:
        """Make one up; it asks for the end of its connection, unless that would be too friendly."""
        path, method = self.chance.choice(self.paths)
        if self.chance.random() < 0.1:
            method = self.chance.choice(METHODS)
        while "{" in path:
            before, _, behind = path.partition("{")
            path = before + self.chance.choice(WORDS) + behind.partition("}")[2]
        names = self.chance.sample(list(QUERIES), self.chance.randrange(3))
        query = "&".join(f"{name}={self.chance.choice(QUERIES[name])}" for name in names)
        body = self._body()
        headers = {
            "Host": "here",
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        for name in self.chance.sample(list(HEADERS), self.chance.randrange(3)):
            headers[name] = self.chance.choice(HEADERS[name])
        lines = [f"{method} {path}?{query} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def _body(self) -> bytes:
        match self.chance.randrange(6):
            case 0:
                return b""
            case 1:
                return self.chance.choice(LITERALS).encode()
            case 2:
                return self.chance.randbytes(self.chance.randrange(200))
            case 3:
                name = self.chance.choice(FIELDS)
                said = self.chance.choice(["form-data", "x", f'form-data; name="{name}"', ""])
                return f"--x\r\nContent-Disposition: {said}\r\n\r\n{self._text()}\r\n--x--".encode()
            case _:
                some = self.chance.sample(FIELDS, self.chance.randrange(1, 6))
                pairs = (f"{json.dumps(name)}: {self._value()}" for name in some)
                return ("{" + ", ".join(pairs) + "}").encode()

    def _value(self) -> str:
        match self.chance.randrange(5):
            case 0:
                return self.chance.choice(LITERALS[:-2])
            case 1:
                return json.dumps([self._text() for _ in range(self.chance.randrange(4))])
            case 2:
                return json.dumps({self._text(): self._text()})
            case _:
                return json.dumps(self._text())

    def _text(self) -> str:
        return self.chance.choice(TEXTS)


def paths_of(app: FastAPI) -> list[tuple[str, str]]:
    paths = app.openapi()["paths"]
    return [(path, method.upper()) for path, item in sorted(paths.items()) for method in item]


@pytest.fixture(scope="module")
def command_api() -> Iterator[tuple[Loopback, Hostile]]:
    keys = Keys(ApiKeyTable())
    outcomes = PendingReplies[Outcome](partition=0, reply_in=outcome_in)
    parts = CommandApiParts(
        keys=keys.table,
        sender=FakeDecider(outcomes),
        outcomes=outcomes,
        blobs=MemoryBlobStore(),
        open_preview_assets=MemoryWalk,
        dead_letter_queue=DeadLetterQueue(MemoryDeadLetterLog(), lambda: datetime.now(UTC)),
        webhooks=memory_webhooks(),
        probes={},
        open_task_store=MemoryRequestBook,
        now=lambda: datetime.now(UTC),
        new_id=uuid7,
    )
    limits = CommandApiSettings(
        requests_per_second=100_000, requests_per_second_per_tenant=100_000, wait_seconds=0.2,
        receive_idle_seconds=0.2, queue_seconds=0.2,
    )  # fmt: skip
    app, readiness = create_command_api(Settings(command_api=limits), parts)
    with Loopback(app, readiness, IMPATIENT) as service:
        yield service, Hostile(random.Random(SEED), paths_of(app), keys.add(["admin"]))


@pytest.fixture(scope="module")
def query_api() -> Iterator[tuple[Loopback, Hostile]]:
    keys = Keys(ApiKeyTable())
    blobs, tables, events = MemoryBlobStore(), MemoryTables(), MemoryEventLog()
    app, readiness = create_query_api(
        QueryApiDependencies(
            views=ViewReader(tables),
            log_end_offsets=MemoryLogEnds(),
            blobs=blobs,
            keys=keys.table,
            renderer=MemoryRenderer(blobs),
        ),
        cursor_secrets=["today"],
        addresses=BaseUrls(
            public_base_url="https://i.example", problem_base_url="https://p.example"
        ),
        wait_seconds=0.01,
        blob_cache_bytes=1_000,
        probes={},
        feed=events.feed,
    )
    paths = [each for each in paths_of(app) if each[0] != "/v1/events"]  # it has no end
    with Loopback(app, readiness, IMPATIENT) as service:
        yield service, Hostile(random.Random(SEED), paths, keys.add(["admin"], TenantId("acme")))


def answer_to(service: Loopback, request: bytes) -> bytes:
    with service.client() as client:
        with suppress(ConnectionError):  # it may be refused before all of it is taken
            client.sendall(request)
        return rest(client)


def fault_of(answer: bytes) -> str | None:
    """Say what is wrong with an answer; none at all is an answer to what cannot be read."""
    if not answer:
        return None
    while answer.startswith(b"HTTP/1.1 100 "):
        answer = answer.partition(b"\r\n\r\n")[2]
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    if status < 400:
        return None
    if b"content-type: application/problem+json" not in head.lower():
        return f"{status} is no problem: {head[:300]!r}"
    if status < 500 or status == 503:
        return None
    return f"{status}: {body[:300]!r}"


@pytest.mark.parametrize("name", ["command_api", "query_api"])
def test_no_request_is_a_fault_of_ours_and_every_refusal_is_a_problem(
    name: str, request: pytest.FixtureRequest
) -> None:
    service, hostile = request.getfixturevalue(name)
    sent = RAW + [hostile.request() for _ in range(COUNT)]
    with ThreadPoolExecutor(32) as clients:  # some wait until they are given up
        answers = list(clients.map(partial(answer_to, service), sent))
    found = zip(sent, map(fault_of, answers), strict=True)
    faults = {each[:600]: fault for each, fault in found if fault}
    assert not faults, "\n".join(f"{request!r}\n  → {fault}" for request, fault in faults.items())
    assert b"alive" in answer_to(
        service, b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
