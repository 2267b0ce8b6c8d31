"""The query API, put together from its parts."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastapi import FastAPI

from domain.values import Sha256
from infra.blobs.store import BlobStore
from infra.http.access import Access, KeyTable
from infra.http.application import install
from infra.http.readiness import Probe, Readiness
from query_api.feed.feed import Feed
from query_api.images.blob_cache import BlobCache
from query_api.images.on_demand import OnDemandRenderer, OnDemandRenditions, UrlSigner
from query_api.images.public_renditions import PublicRenditions
from query_api.images.public_urls import PublicUrls
from query_api.listing.asset_pages import AssetPages
from query_api.listing.bucket_sources import BucketSources
from query_api.listing.category_pages import CategoryPages
from query_api.listing.category_tree_cache import CategoryTreeCache
from query_api.listing.cursors import CursorCodec
from query_api.read_context import ReadContextFactory
from query_api.read_your_writes import ReadYourWritesBarrier
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
from query_api.time_travel.moment_barrier import LogEndOffsets, MomentBarrier
from read_models.renditions.watermark import watermark, watermark_name
from read_models.view_reader import ViewReader

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

    views: ViewReader
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
    blob_cache_bytes: int,
    unsigned: Collection[str] = (),
    probes: dict[str, Probe],
    feed: Feed | None = None,
) -> tuple[FastAPI, Readiness]:
    """Build the service from built parts, and what tells whether it is ready.

    ``cursor_secrets``: the first one signs cursors and transformations, all are accepted.
    ``wait_seconds`` is how long a read waits for the write it must show. ``blob_cache_bytes``
    bounds the memory for pictures. ``unsigned`` are the transformations that need no signature.
    Without a ``feed`` there is no route that follows events.
    """
    views = sources.views
    category_trees = CategoryTreeCache(views)
    urls = PublicUrls(addresses.public_base_url)
    asset_pages = AssetPages(
        BucketSources(views),
        category_trees,
        CursorCodec(cursor_secrets),
        urls,
    )
    read_your_writes = ReadYourWritesBarrier(views)
    moment_barrier = MomentBarrier(sources.log_end_offsets, read_your_writes, sources.clock)
    access = Access(sources.keys)
    read_contexts = ReadContextFactory(
        access, read_your_writes, moment_barrier, wait_seconds=wait_seconds
    )
    blob_cache = BlobCache(sources.blobs.get, at_most_bytes=blob_cache_bytes)

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
    renditions = PublicRenditions(views, blob_cache)
    on_demand = OnDemandRenditions(
        renditions, views, blob_cache, sources.renderer, signatures, sources.current_watermark
    )
    app.include_router(pictures.routes(read_contexts, renditions, on_demand))
    app.include_router(transformations.routes(read_contexts, views, signatures, urls))
    app.include_router(assets.routes(read_contexts, views, category_trees, asset_pages, urls))
    app.include_router(
        categories.routes(
            read_contexts,
            category_trees,
            CategoryPages(cursor_secrets),
            asset_pages,
        )
    )
    app.include_router(commands.routes(read_contexts, views, addresses.problem_base_url))
    app.include_router(admin.routes(access, views.cql))
    app.include_router(operations.routes(read_contexts, views))
    app.include_router(schemas.routes())
    app.include_router(gallery.routes(addresses.public_base_url))
    if feed is not None:
        app.include_router(events.routes(access, feed, lambda: readiness.is_stopping))
    return app, readiness
