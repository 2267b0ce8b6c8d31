"""The query API, put together from its parts."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastapi import FastAPI

from domain.values import Sha256
from infra.blob_store import BlobStore
from infra.watermark import watermark, watermark_name
from infra.web.access import Access, KeyTable
from infra.web.health import Probe, Readiness
from infra.web.installing import install
from query_api.answers import ResponseMapper
from query_api.catalogues import CategoryTreeCache
from query_api.category_pages import CategoryPages
from query_api.cursors import CursorCodec
from query_api.feed.feed import Feed
from query_api.kept_bytes import BlobCache
from query_api.pages import AssetPages
from query_api.past import LogEndOffsets, MomentBarrier
from query_api.past_shelves import HistoricalBucketSources
from query_api.pictures import PublicRenditions
from query_api.queries import Queries
from query_api.reached import ReadYourWritesBarrier
from query_api.reading import ReadContextFactory
from query_api.routes import (
    admin,
    assets,
    categories,
    commands,
    events,
    gallery,
    operations,
    pictures,
    schemas,
    transformations,
)
from query_api.shelves import BucketSources
from query_api.transformed import OnDemandRenderer, OnDemandRenditions, UrlSigner
from query_api.urls import PublicUrls

_ABOUT = """Tells what ScaleHoster hosts: assets in any state, listings by category and by date,
the pictures themselves, and the schemas of the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseUrls:
    """Where clients find us: the pictures, and the pages that explain problems."""

    public_base_url: str
    problem_base_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryApiDependencies:
    """What is asked for an answer; ``clock`` tells what is past.

    ``current_watermark`` names the watermark that the deployment has now.
    """

    queries: Queries
    log_end_offsets: LogEndOffsets
    blobs: BlobStore
    keys: KeyTable
    renderer: OnDemandRenderer
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    current_watermark: Sha256 = field(default_factory=lambda: watermark_name(watermark()))


def create_app(
    sources: QueryApiDependencies,
    *,
    cursor_secrets: Sequence[str],
    addresses: BaseUrls,
    wait_seconds: float,
    kept_bytes: int,
    unsigned: Collection[str] = (),
    probes: dict[str, Probe],
    feed: Feed | None = None,
) -> tuple[FastAPI, Readiness]:
    """Build the service from built parts, and what tells whether it is ready.

    ``cursor_secrets``: the first one seals cursors and signs transformations, all are accepted.
    ``wait_seconds`` is how long a read waits for the write it must show. ``kept_bytes`` bounds the
    memory for pictures. ``unsigned`` are the transformations that need no signature. Without a
    ``feed`` there is no route that follows events.
    """
    queries = sources.queries
    catalogues = CategoryTreeCache(queries)
    urls = PublicUrls(addresses.public_base_url)
    answers = ResponseMapper(urls, problem_base_url=addresses.problem_base_url)
    pages = AssetPages(
        BucketSources(queries),
        HistoricalBucketSources(queries),
        catalogues,
        CursorCodec(cursor_secrets),
        answers,
    )
    reached = ReadYourWritesBarrier(queries)
    past = MomentBarrier(sources.log_end_offsets, reached, sources.clock)
    access = Access(sources.keys)
    reading = ReadContextFactory(access, reached, past, wait_seconds=wait_seconds)
    kept = BlobCache(sources.blobs.get, at_most_bytes=kept_bytes)

    app = FastAPI(
        title="ScaleHoster query API",
        version="0.1.0",
        description=_ABOUT,
        docs_url=None,  # install() has a page that loads nothing from elsewhere
        redoc_url=None,
    )
    readiness = install(
        app, service="query_api", problem_base_url=addresses.problem_base_url, probes=probes
    )
    signatures = UrlSigner(cursor_secrets, unsigned)
    shown = PublicRenditions(queries, kept)
    transformed = OnDemandRenditions(
        shown, queries, kept, sources.renderer, signatures, sources.current_watermark
    )
    app.include_router(pictures.routes(reading, shown, transformed))
    app.include_router(transformations.routes(reading, queries, signatures, urls))
    app.include_router(assets.routes(reading, queries, catalogues, pages, answers))
    app.include_router(
        categories.routes(
            reading, catalogues, CategoryPages(answers, cursor_secrets), pages, answers
        )
    )
    app.include_router(commands.routes(reading, queries, answers))
    app.include_router(admin.routes(access, queries))
    app.include_router(operations.routes(reading, queries))
    app.include_router(schemas.routes())
    app.include_router(gallery.routes(addresses.public_base_url))
    if feed is not None:
        app.include_router(events.routes(access, feed, lambda: readiness.is_stopping))
    return app, readiness
