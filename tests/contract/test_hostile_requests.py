"""No request gives a 5xx by its content, and all errors that applications tell are problems."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI

from command_api.app import CommandApiParts
from command_api.app import create_app as command_app
from command_api.ids import uuid7
from domain.outcomes import Outcome, outcome_in
from infra.decider_runtime.pending_replies import PendingReplies
from infra.http.authentication.api_key_table import ApiKeyTable
from infra.http.authentication.api_keys import SCOPES
from query_api.app import BaseUrls, QueryApiDependencies
from query_api.app import create_app as query_app
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
from tests.support.hostile_requests import ASSET, Request, requests_to
from tests.support.samples import create_category, metadata, submit
from tests.support.story import RENDITIONS, Story
from tests.unit.command_api.conftest import SETTINGS
from tests.unit.query_api.conftest import MemoryRenderer

_SECONDS = 20.0
_PROBLEM = "application/problem+json"


class Told:
    """What an application said to one request."""

    def __init__(self) -> None:
        self.status = 0
        self.media_type = ""
        self.body = b""

    async def send(self, message: Any) -> None:  # noqa: ANN401 - of ASGI
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = dict(message["headers"])
            self.media_type = headers.get(b"content-type", b"").decode()
        else:
            self.body += message.get("body", b"")


async def ask(app: FastAPI, request: Request, authorization: str) -> Told:
    """Put a request to an application; the client is gone once the request is said."""
    told = Told()
    said = iter([{"type": "http.request", "body": request.body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(said, {"type": "http.disconnect"})

    async with asyncio.timeout(_SECONDS):
        await app(request.scope(authorization), receive, told.send)
    return told


def commands(keys: Keys) -> FastAPI:
    outcomes = PendingReplies[Outcome](partition=3, reply_in=outcome_in)
    decider = FakeDecider(outcomes)
    for command in (create_category("cats"), submit(metadata(ASSET), "cats")):
        decider.decide(command)
    ours = SETTINGS.command_api.model_copy(update={"wait_seconds": 0.05})
    app, _ = command_app(
        SETTINGS.model_copy(update={"command_api": ours}),
        CommandApiParts(
            keys=keys.table,
            sender=decider,
            outcomes=outcomes,
            blobs=MemoryBlobStore(),
            open_preview_assets=MemoryWalk,
            dead_letter_queue=DeadLetterQueue(MemoryDeadLetterLog(), lambda: datetime.now(UTC)),
            webhooks=memory_webhooks(),
            probes={},
            open_task_store=MemoryRequestBook,
            now=lambda: datetime.now(UTC),
            new_id=uuid7,
        ),
    )
    return app


def queries(keys: Keys) -> FastAPI:
    blobs, rows = MemoryBlobStore(), MemoryTables()
    story = Story(rows)
    story.tell(create_category("cats"))
    assert story.publish(1, "cats") == ASSET
    for made in RENDITIONS:
        blobs.blobs[made.blob_key] = bytes(made.size_bytes)
    app, _ = query_app(
        QueryApiDependencies(
            views=ViewReader(rows),
            log_end_offsets=MemoryLogEnds(),
            blobs=blobs,
            keys=keys.table,
            renderer=MemoryRenderer(blobs),
        ),
        cursor_secrets=["today"],
        addresses=BaseUrls(
            public_base_url="https://img.example", problem_base_url="https://api.example"
        ),
        wait_seconds=0.0,
        blob_cache_bytes=1_000,
        probes={},
        feed=MemoryEventLog().feed,
    )
    return app


KEYS = Keys(ApiKeyTable())
AUTHORIZATION = f"Bearer {KEYS.add(SCOPES)}"
APPS = {"command": commands(KEYS), "query": queries(KEYS)}
OPERATIONS = [
    (api, method, path)
    for api, app in APPS.items()
    for path, operations in app.openapi()["paths"].items()
    for method in operations
]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made, pytest.MonkeyPatch.context() as patch:
        patch.setattr("command_api.maintenance_client._PAUSE_SECONDS", 0)
        yield made


def wrong(told: Told) -> str:
    """Say what is wrong with an answer; nothing, if it is one that a client can work with."""
    if told.status >= 500 or told.status < 200:
        return f"{told.status}"
    if told.status < 400:
        return ""
    if told.media_type != _PROBLEM:
        return f"{told.status} is {told.media_type}"
    problem = json.loads(told.body)
    lacks = {"type", "title", "status", "detail", "instance"} - problem.keys()
    return f"lacks {lacks}" if lacks or problem["status"] != told.status else ""


# starlette leaves the file of a form that breaks off to the garbage collector, which closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("api", "method", "path"), OPERATIONS)
def test_no_request_gives_a_5xx_by_its_content(
    runner: asyncio.Runner, api: str, method: str, path: str
) -> None:
    app = APPS[api]
    found = []
    for request in requests_to(path, method, app.openapi()["paths"][path][method]):
        told = runner.run(ask(app, request, AUTHORIZATION))
        if what := wrong(told):
            found.append((what, request.target[:80], request.headers, request.body[:200]))
    assert found == []


def test_there_are_more_than_a_thousand_of_them() -> None:
    count = sum(
        1
        for api, method, path in OPERATIONS
        for _ in requests_to(path, method, APPS[api].openapi()["paths"][path][method])
    )
    assert count > 1_000
