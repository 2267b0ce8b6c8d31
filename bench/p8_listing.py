"""P8: a listing page of 50, against the handler one would write first; and how paging goes deep.

Both sides read the same rows of the same Cassandra with the same driver and are asked over 32
connections; the naive one checks no key, knows no buckets, no cursors, no generations and no
category names. Ours lets all who ask for one page within 50 ms share one read, so it is measured
with one page for all, and with no two requests alike.
"""

import json
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cassandra.cluster import Cluster
from cassandra.query import dict_factory
from fastapi import FastAPI
from pydantic import BaseModel

from bench.http_load import requests_per_second
from bench.reporting import report
from bench.servers import bench_servers
from bench.uvicorns import serving
from domain.values import AssetId, CategoryId, Listing, Sha256, TenantId
from infra.cassandra.column_encryption import decrypted_row
from infra.cassandra.row_operations import RowOperation, Upsert
from infra.cassandra.session import CassandraSession
from infra.cassandra.view_store import CassandraViewStore
from infra.http.authentication.api_key_table import Caller
from infra.settings import CassandraSettings
from query_api.app import BaseUrls, QueryApiDependencies, create_app
from read_models.assets_by_category.projection import BUCKETS, LISTING
from read_models.categories.projection import TREE
from read_models.installation import apply_views
from read_models.listing_columns import listing_columns
from read_models.registry import QUERIED_VIEWS
from read_models.time import microseconds, month
from read_models.view_reader import ViewReader
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.memory_log import MemoryLogEnds
from tests.unit.query_api.conftest import MemoryRenderer

ACME, CATS = TenantId("acme"), CategoryId("6c1f5f5c-3c52-5c0e-9d0f-0f6d8d1b7a11")
NEWEST = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CONNECTIONS, PAGE, AT_ONCE = 32, 50, 2_000
KEY = {"Authorization": "Bearer bench"}


class OneKey:
    """Knows one key, by its text."""

    def authenticate(self, text: str) -> Caller:
        """Say whose it is."""
        assert text == "bench"
        return Caller(tenant_id=ACME, key_id="k", scopes=frozenset({"assets:read"}))


def ours(settings: CassandraSettings) -> FastAPI:
    cql = CassandraSession(settings, keyspace=settings.keyspace)
    app, _ = create_app(
        QueryApiDependencies(
            views=ViewReader(cql, QUERIED_VIEWS),
            log_end_offsets=MemoryLogEnds(),
            blobs=MemoryBlobStore(),
            keys=OneKey(),
            renderer=MemoryRenderer(MemoryBlobStore()),
        ),
        cursor_secrets=["bench"],
        addresses=BaseUrls(
            public_base_url="http://127.0.0.1:3002", problem_base_url="http://127.0.0.1:3002"
        ),
        wait_seconds=2,
        blob_cache_bytes=0,
        probes={},
    )
    return app


class NaiveItem(BaseModel):
    """What a listing shows."""

    asset_id: str
    created_at: datetime
    title: str
    alt_text: str
    media_type: str
    width: int
    height: int
    thumbhash: str
    dominant_colour: str
    public_url: str
    thumbnail_url: str
    categories: list[str]


class NaivePage(BaseModel):
    """A page of a listing."""

    items: list[NaiveItem]


def naive(settings: CassandraSettings) -> FastAPI:
    session = Cluster([settings.host], port=settings.port).connect(settings.keyspace)
    session.row_factory = dict_factory
    statement = session.prepare(
        "SELECT * FROM assets_by_category_g1"
        " WHERE tenant_id = ? AND category_id = ? AND bucket = ? LIMIT ?"
    )
    app = FastAPI()

    @app.get("/assets", response_model=NaivePage)
    def list_assets(category: str, bucket: str, limit: int = PAGE) -> Any:  # noqa: ANN401 - as written first
        rows = session.execute(statement, (ACME, category, bucket, limit))
        return {"items": [naive_item(decrypted_row(row, LISTING)) for row in rows]}

    return app


def naive_item(row: dict[str, Any]) -> dict[str, Any]:
    url = f"http://127.0.0.1:3002/i/{row['asset_id']}"
    return {
        **row,
        "created_at": datetime.fromtimestamp(row["created_at_us"] / 1e6, UTC),
        "public_url": url,
        "thumbnail_url": f"{url}/thumb?v={row['thumbnail_sha256'][:16]}",
        "categories": row["category_ids"],
    }


@contextmanager
def filled(assets: int) -> Iterator[CassandraSettings]:
    """Give one category that many assets, one a minute back from its newest."""
    servers = bench_servers()
    settings = CassandraSettings(
        host=servers.cassandra_host,
        port=servers.cassandra_port,
        keyspace=f"b{uuid.uuid4().hex[:8]}",
    )
    apply_views(settings)
    try:
        store = CassandraViewStore.connect(settings)
        store.write([category()], generation=1)
        for start in range(0, assets, AT_ONCE):
            numbers = range(start, min(assets, start + AT_ONCE))
            store.write((each for number in numbers for each in published(number)), generation=1)
        store.close()
        yield settings
    finally:
        cql = CassandraSession(settings, keyspace=None)
        cql.execute(f"DROP KEYSPACE {settings.keyspace}")
        cql.close()


def category() -> RowOperation:
    return Upsert(
        table=TREE,
        key=(ACME, CATS),
        columns={
            "slug": "cats",
            "name": "Cats",
            "parent_id": "",
            "is_archived": False,
            "version": 1,
        },
        written_at_us=1,
    )


def published(number: int) -> Iterator[RowOperation]:
    created_at = NEWEST - timedelta(minutes=number)
    listing = Listing(
        created_at=created_at,
        title=f"Picture {number}",
        alt_text="A cat on a mat, seen from above",
        media_type="image/jpeg",
        width=1600,
        height=1200,
        thumbhash="3OcRJYB4d3h/iIeHeEh3eIhw+j2w",
        dominant_colour="#7a5c3e",
        thumbnail_sha256=Sha256("5e" * 32),
    )
    asset_id = AssetId(str(uuid.UUID(int=number, version=4)))
    yield Upsert(
        table=LISTING,
        key=(ACME, CATS, month(created_at), microseconds(created_at), asset_id),
        columns=listing_columns(listing, (CATS,)),
        written_at_us=1,
    )
    yield Upsert(
        table=BUCKETS,
        key=(ACME, CATS, month(created_at)),
        columns={},
        written_at_us=1,
    )


def last_cursor(base_url: str) -> str:
    """Follow a listing to its end; give the cursor of its last 200."""
    following, cursor = f"/v1/categories/{CATS}/assets?limit=200", ""
    while following:
        cursor = parse_qs(urlsplit(following).query).get("cursor", [""])[0]
        request = urllib.request.Request(base_url + following, headers=KEY)  # noqa: S310 - our own address
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
            following = json.load(answer)["next"]
    return cursor


def measure(*, quick: bool) -> None:
    assets, requests, rounds = (5_000, 640, 2) if quick else (100_000, 3_200, 5)
    with (
        filled(assets) as settings,
        serving(naive, settings) as naive_url,
        serving(ours, settings) as our_url,
    ):
        listing = f"/v1/categories/{CATS}/assets?limit=%23"  # the last limit counts
        paths = {
            "naive": f"{naive_url}/assets?category={CATS}&bucket={month(NEWEST)}",
            "same": f"{our_url}{listing.replace('%23', '1')}&limit={PAGE}",
            "apart": f"{our_url}{listing}&limit={PAGE}",
            "last": f"{our_url}{listing}&limit={PAGE}&cursor={last_cursor(our_url)}",
        }
        rates: dict[str, list[float]] = {name: [] for name in paths}
        for _ in range(rounds):
            for name, url in paths.items():
                rate = requests_per_second(
                    url,
                    {} if name == "naive" else KEY,
                    connections=CONNECTIONS,
                    count=requests,
                )
                rates[name].append(rate)
    middle = {name: median(found) for name, found in rates.items()}
    for name, said in (("same", "the same page for all"), ("apart", "no two alike")):
        report(
            f"P8-{name}",
            f"{said}: ours {middle[name]:.0f}/s, naive {middle['naive']:.0f}/s",
            ratio=middle[name] / middle["naive"],
            target=1.3,
            figures=rates,
        )
    report(
        "P8-deep",
        f"of {assets:,}: last page {middle['last']:.0f}/s, first {middle['apart']:.0f}/s",
        ratio=middle["last"] / middle["apart"],
        target=1 / 1.2,
        figures=rates,
    )
