"""What somebody without a key can make the stores do: a few reads a request, whatever they send."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from fastapi import APIRouter, FastAPI
from starlette.routing import Route
from starlette.testclient import TestClient

from domain.values import BlobKey
from infra.cassandra.session import Row
from infra.http.position_header import position_to_header
from query_api.app import BaseUrls, QueryApiDependencies, create_app
from query_api.images.on_demand import UrlSigner
from read_models.registry import QUERIED_VIEWS
from read_models.view_reader import ViewReader
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.memory_log import MemoryEventLog, MemoryLogEnds
from tests.support.samples import ACME, ORIGINAL
from tests.support.story import RENDITIONS, asset_id
from tests.unit.query_api.conftest import FREE, MemoryKeys, MemoryRenderer

MOST_READS = 5
REMEMBERING = ("/i/", "/readyz")
THERE, REJECTED, NOWHERE = map(asset_id, (1, 2, 3))
SIGNED = "w_80,h_60,fit_cover,f_webp,q_80"
SIGNATURE = UrlSigner(["today"], []).sign(THERE, SIGNED)
FORGED = ",".join(position_to_header(f"asset-events:{number}:999999999") for number in range(16))
HEADERS: Sequence[dict[str, str]] = (
    {},
    {"ScaleHoster-Position": FORGED, "Prefer": "wait=60"},
    {"ScaleHoster-Position": FORGED, "Authorization": "Bearer shk_nobody"},
    {"If-None-Match": '"x"', "Range": "bytes=0-1"},
)
PATHS = {
    "/i/{asset_id}": [
        f"/i/{THERE}",
        f"/i/{THERE}?v=feedfacefeedface",
        f"/i/{REJECTED}",
        f"/i/{NOWHERE}",
        "/i/none",
    ],
    "/i/{asset_id}/{file_name}": [
        f"/i/{THERE}/thumb",
        f"/i/{THERE}/thumb?v=feedfacefeedface",
        f"/i/{NOWHERE}/thumb.webp",
        f"/i/{THERE}/{FREE}",
        f"/i/{THERE}/{SIGNED}?s={SIGNATURE}",
        f"/i/{THERE}/{SIGNED}?s=forged",
        f"/i/{NOWHERE}/{FREE}",
        f"/i/{THERE}/w_8.",
    ],
    "/gallery/{name}": ["/gallery/gallery.js", "/gallery/none"],
    "/problems/{name}": ["/problems/overloaded", "/problems/none"],
    "/schemas/ids/{schema_id}": ["/schemas/ids/1", "/schemas/ids/99999"],
    "/subjects/{subject}/versions": ["/subjects/none/versions"],
    "/subjects/{subject}/versions/{version}": ["/subjects/none/versions/latest"],
}


@dataclass
class CountingCql:
    """Stands for Cassandra, with all views built and two assets in them."""

    asked: list[str] = field(default_factory=list)

    async def select(
        self, statement: str, parameters: Sequence[Any] = (), *, page_size: int = 1_000
    ) -> list[Row]:
        del page_size
        self.asked.append(statement)
        if "active_generation" in statement:
            return [{"view_name": view, "generation": 1} for view in parameters[0]]
        if "public_assets" in statement:
            return self._public_asset(parameters[0])
        if "asset_by_id" in statement:
            original = msgspec.json.encode(ORIGINAL).decode()
            return [{"original": original, "watermark": None, "focal_point": "null"}]
        return []

    def _public_asset(self, named: object) -> list[Row]:
        shown = {"tenant_id": ACME, "renditions": None, "leads_to": ""}
        if named == THERE:
            renditions = msgspec.json.encode(RENDITIONS).decode()
            return [{**shown, "status": "published", "renditions": renditions}]
        return [{**shown, "status": "rejected", "leads_to": THERE}] if named == REJECTED else []


class CountingBlobs(MemoryBlobStore):
    """Counts what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def get(self, key: BlobKey) -> bytes:
        self.asked += 1
        return await super().get(key)


@pytest.fixture
def cql() -> CountingCql:
    return CountingCql()


@pytest.fixture
def blobs() -> CountingBlobs:
    store = CountingBlobs()
    for each in RENDITIONS:
        asyncio.run(store.put(each.blob_key, b"x" * each.size_bytes, each.media_type))
    return store


@pytest.fixture
def new_app(cql: CountingCql, blobs: CountingBlobs) -> Callable[[], FastAPI]:
    def made() -> FastAPI:
        views = ViewReader(cql, QUERIED_VIEWS)
        app, _ = create_app(
            QueryApiDependencies(
                views=views,
                log_end_offsets=MemoryLogEnds(),
                blobs=blobs,
                keys=MemoryKeys(),
                renderer=MemoryRenderer(blobs),
            ),
            cursor_secrets=["today"],
            addresses=BaseUrls(
                public_base_url="https://img.example", problem_base_url="https://api.example"
            ),
            wait_seconds=0.05,
            blob_cache_bytes=1_000_000,
            unsigned=[FREE],
            probes={"views": views.check},
            feed=MemoryEventLog().feed,
        )
        return app

    return made


def routes(app: FastAPI | APIRouter) -> Iterator[str]:
    """Every address that there is, described or not."""
    for route in app.routes:
        if isinstance(route, Route):
            yield route.path
        else:  # FastAPI's own wrapper around a router
            yield from routes(vars(route)["original_router"])


def test_no_request_without_a_key_costs_more_than_a_few_reads(
    new_app: Callable[[], FastAPI], cql: CountingCql, blobs: CountingBlobs
) -> None:
    answers: dict[str, int] = {}
    known = TestClient(new_app())
    for route in routes(new_app()):
        for path in PATHS.get(route, [route]):
            for headers in HEADERS:
                # Nothing may be remembered from before, where anything is remembered at all.
                nobody = TestClient(new_app()) if route.startswith(REMEMBERING) else known
                cql.asked.clear()
                blobs.asked = 0
                answer = nobody.get(path, headers=headers, follow_redirects=False)
                assert len(cql.asked) <= MOST_READS, (path, headers, cql.asked)
                assert blobs.asked <= 2, (path, headers)
                if route.startswith("/v1/"):
                    assert (answer.status_code, cql.asked) == (401, []), path
                answers.setdefault(path, answer.status_code)
    assert answers[f"/i/{THERE}"] == answers[f"/i/{THERE}/{FREE}"] == 200
    assert answers[f"/i/{THERE}/{SIGNED}?s={SIGNATURE}"] == 200
    assert answers["/readyz"] == 200
    assert set(PATHS) <= set(routes(new_app()))


def test_a_forged_position_takes_no_share_of_what_others_are_answered(
    new_app: Callable[[], FastAPI], cql: CountingCql
) -> None:
    """Of 40 readers all are answered while 40 others name positions that never come."""
    with TestClient(new_app()) as client:
        forged = {"ScaleHoster-Position": FORGED, "Prefer": "wait=60"}
        statuses = [
            client.get(f"/i/{THERE}", headers=headers).status_code
            for _ in range(40)
            for headers in (forged, {})
        ]
    assert statuses == [200] * 80
    assert len(cql.asked) < 80, "what is known of an asset may be a second old"
