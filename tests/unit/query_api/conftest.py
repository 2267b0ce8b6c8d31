"""A query API whose views, blobs and keys are in memory."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from domain.transformations import derived_key, parse_transformation
from infra.http.authentication.api_key_table import ApiKeyRejected, ApiKeysNotLoaded, Caller
from infra.http.authentication.api_keys import Scope
from query_api.app import BaseUrls, QueryApiDependencies, create_app
from read_models.registry import QUERIED_VIEWS
from read_models.renditions.on_demand_socket import RenditionRequest
from read_models.view_reader import ViewReader
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.memory_log import MemoryEventLog, MemoryLogEnds
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.samples import ACME, create_category, metadata
from tests.support.story import GLOBEX, RENDITIONS, Story

READS: frozenset[Scope] = frozenset({"assets:read"})
WRITES: frozenset[Scope] = frozenset({"assets:write"})
CALLERS = {
    "acme-reads": Caller(tenant_id=ACME, key_id="k1", scopes=READS),
    "acme-writes": Caller(tenant_id=ACME, key_id="k2", scopes=WRITES),
    "acme-admin": Caller(tenant_id=ACME, key_id="k4", scopes=frozenset({"admin"})),
    "globex-reads": Caller(tenant_id=GLOBEX, key_id="k3", scopes=READS),
}


FREE = "w_32,f_webp,q_80"


class MemoryRenderer:
    """Makes the words themselves; ``orders`` is what it was asked for."""

    def __init__(self, blobs: MemoryBlobStore) -> None:
        self.orders: list[RenditionRequest] = []
        self.failure: Exception | None = None
        self._blobs = blobs

    @staticmethod
    def made_of(words: str) -> bytes:
        return f"made: {words}".encode()

    async def make(self, order: RenditionRequest) -> None:
        self.orders.append(order)
        if self.failure is not None:
            raise self.failure
        key = derived_key(
            order.asset, order.original, parse_transformation(order.words), order.watermark
        )
        await self._blobs.put(key, self.made_of(order.words), "image/webp")


class MemoryKeys:
    """Keys for tests: the text is the name; ``too-early`` comes before they are read."""

    def authenticate(self, text: str) -> Caller:
        if text == "too-early":
            raise ApiKeysNotLoaded
        if text not in CALLERS:
            raise ApiKeyRejected("the API key is unknown or was revoked")
        return CALLERS[text]


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


@pytest.fixture
def story(tables: MemoryTables) -> Story:
    """Begin with the categories animals, cats and dogs below it, and one of another tenant."""
    story = Story(tables)
    story.tell(
        create_category("animals"),
        create_category("cats", parent="animals"),
        create_category("dogs", parent="animals"),
    )
    story.tell(create_category("secrets", about=metadata(GLOBEX, tenant_id=GLOBEX)))
    story.now += timedelta(hours=1)
    return story


@pytest.fixture
def blobs() -> MemoryBlobStore:
    """Hold the bytes of every sample rendition: as many as its size says."""
    store = MemoryBlobStore()
    for each in RENDITIONS:
        data = (each.sha256.encode() * 64)[: each.size_bytes]
        asyncio.run(store.put(each.blob_key, data, each.media_type))
    return store


@pytest.fixture
def log() -> MemoryLogEnds:
    return MemoryLogEnds()


@pytest.fixture
def event_log() -> MemoryEventLog:
    return MemoryEventLog()


@pytest.fixture
def renderer(blobs: MemoryBlobStore) -> MemoryRenderer:
    return MemoryRenderer(blobs)


@pytest.fixture
def app(
    tables: MemoryTables,
    log: MemoryLogEnds,
    blobs: MemoryBlobStore,
    renderer: MemoryRenderer,
    story: Story,
    event_log: MemoryEventLog,
) -> FastAPI:
    views = ViewReader(tables, QUERIED_VIEWS)
    service, _ = create_app(
        QueryApiDependencies(
            views=views,
            log_end_offsets=log,
            blobs=blobs,
            keys=MemoryKeys(),
            renderer=renderer,
            clock=lambda: story.now,
        ),
        cursor_secrets=["today", "yesterday"],
        addresses=BaseUrls(
            public_base_url="https://img.example", problem_base_url="https://api.example"
        ),
        wait_seconds=0.05,
        blob_cache_bytes=1_000_000,
        unsigned=[FREE],
        probes={"views": views.check},
        feed=event_log.feed,
    )
    return service


class DocumentedApp:
    """An application each of whose answers must have the shape that its route documents."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        status, body = 0, b""

        async def keep(message: Message) -> None:
            nonlocal status, body
            status = message.get("status", status)
            body += message.get("body", b"")
            await send(message)

        await self._app(scope, receive, keep)
        documented = getattr(scope.get("route"), "response_model", None)
        if status == 200 and documented is not None:
            TypeAdapter(documented).validate_json(body, strict=True)


@pytest.fixture
def nobody(app: FastAPI) -> Iterator[TestClient]:
    """Send requests without a key."""
    with TestClient(DocumentedApp(app)) as client:
        yield client


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """Send requests of ACME, who may read."""
    with TestClient(DocumentedApp(app), headers={"Authorization": "Bearer acme-reads"}) as client:
        yield client


@pytest.fixture
def stranger(app: FastAPI) -> Iterator[TestClient]:
    """Send requests of another tenant, who may read their own."""
    with TestClient(DocumentedApp(app), headers={"Authorization": "Bearer globex-reads"}) as client:
        yield client
