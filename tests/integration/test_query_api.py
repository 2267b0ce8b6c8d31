"""The query API on a real Cassandra: the same story gives the same answers as in memory."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from inspect import isfunction
from itertools import product
from typing import Any

import pytest
from cassandra.cluster import Session
from starlette.testclient import TestClient

from avro_schemas.codec import Message
from domain.asset.commands import DeleteAsset, DescribeAsset, PurgeAsset, RestoreAsset
from domain.bulk_operation import decide, evolve
from domain.bulk_operation.progress import progress_events, selection_events
from domain.bulk_operation.values import ItemOutcome
from domain.category import EMPTY_CATALOGUE, Category
from domain.category.commands import MoveCategory, RenameCategory
from domain.outcomes import CommandAccepted
from domain.values import CategoryRef, CommandId, TenantId
from infra.cassandra.session import CassandraSession, Row
from infra.cassandra.view_store import CassandraViewStore, Checkpoint
from infra.errors import ViewsMissing
from infra.http.position_header import position_to_header
from infra.kafka.topics import ASSET_EVENTS
from infra.settings import CassandraSettings
from query_api.app import BaseUrls, QueryApiDependencies, create_app
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.asset_by_id.queries import find_asset, find_source, published_assets
from read_models.asset_history.queries import asset_history, read_events
from read_models.assets_by_category.queries import listings_by_category
from read_models.assets_by_content.projection import ASSETS_BY_CONTENT
from read_models.assets_by_content.queries import exact_duplicates
from read_models.assets_by_date.queries import listings_by_date
from read_models.assets_by_shard.queries import AssetScan
from read_models.bucketed_listing import BucketedView, ListingKey, Period
from read_models.categories.queries import all_categories, read_catalogue
from read_models.categories_as_of.queries import all_categories_as_of
from read_models.commands.queries import find_outcome
from read_models.installation import apply_views
from read_models.keyset import KeyRange, SortOrder, sort_key
from read_models.listings_as_of.projection import EVERYTHING
from read_models.listings_as_of.queries import listings_of_the_past
from read_models.operation_items.queries import list_operation_items
from read_models.operations.queries import all_operations, find_operation
from read_models.public_assets.queries import find_public_asset
from read_models.registry import QUERIED_VIEWS, VIEWS
from read_models.similar_assets.queries import similar_assets
from read_models.time import microseconds, moment
from read_models.view import View
from read_models.view_reader import ViewReader
from streams.erasure.asset_lookup import AssetViewLookup
from streams.ingestion.worker.duplicate_finder import ViewDuplicateFinder
from tests.support.bulk_operations import OPERATION, instructions, start
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.memory_log import MemoryLogEnds
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.samples import (
    ACME,
    FACTS,
    NOON,
    ORIGINAL,
    archive_category,
    category_id,
    create_category,
    metadata,
    set_categories,
)
from tests.support.servers import Servers
from tests.support.story import GLOBEX, Story, asset_id
from tests.unit.query_api.conftest import MemoryKeys, MemoryRenderer

DAYS = 40
CATEGORIES = 300  # more than are read at once
OF_GLOBEX = partial(metadata, GLOBEX, tenant_id=GLOBEX)
ALL = KeyRange()
DONE = ItemOutcome(item=asset_id(1), result="changed", code="", detail="", version=2)


class BothTables(MemoryTables):
    """Views in memory that let Cassandra's take notice too."""

    def __init__(self, store: CassandraViewStore) -> None:
        self._store = store
        super().__init__()

    def apply(self, *messages: Message, views: tuple[View, ...] = VIEWS) -> None:
        super().apply(*messages, views=views)
        for view in views:
            operations = [operation for message in messages for operation in view.rows(message)]
            self._store.write(operations, generation=1)


@pytest.fixture(scope="module")
def settings(servers: Servers, cql: Session) -> Iterator[CassandraSettings]:
    """All views' tables, made once: that takes seconds."""
    keyspace = f"t{uuid.uuid4().hex[:8]}"
    made = CassandraSettings(
        host=servers.cassandra_host, port=servers.cassandra_port, keyspace=keyspace
    )
    apply_views(made)
    yield made
    cql.execute(f"DROP KEYSPACE {keyspace}")


@pytest.fixture(scope="module")
def store(settings: CassandraSettings) -> Iterator[CassandraViewStore]:
    opened = CassandraViewStore.connect(settings)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def session(settings: CassandraSettings) -> Iterator[CassandraSession]:
    opened = CassandraSession(settings, keyspace=settings.keyspace)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def memory(store: CassandraViewStore) -> MemoryTables:
    """Forty days of pictures, some deleted, and two at the very same moment."""
    tables = BothTables(store)
    story = Story(tables)
    story.tell(create_category("animals"), create_category("cats", parent="animals"))
    story.tell(create_category("old"), archive_category("old"))
    story.tell(create_category("secrets", about=metadata(GLOBEX, tenant_id=GLOBEX)))
    for day in range(DAYS):
        story.publish(day, "cats", at=NOON + timedelta(days=day))
    story.publish(1_000, "cats", "animals", at=NOON + timedelta(days=5))
    story.publish(1_001, tenant_id=GLOBEX)
    story.tell(*(create_category(f"c{n}", about=OF_GLOBEX()) for n in range(CATEGORIES)))
    story.tell(
        RenameCategory(
            metadata=metadata(ACME), category=CategoryRef("cats"), name="Felines", slug=None
        ),
        MoveCategory(metadata=metadata(ACME), category=CategoryRef("cats"), parent=None),
        set_categories(metadata(asset_id(2)), "animals"),
        DescribeAsset(metadata=metadata(asset_id(3)), patch='{"title": "Tom"}'),
    )
    for day in range(0, DAYS, 7):
        story.tell(DeleteAsset(metadata=metadata(asset_id(day))))
    story.tell(
        PurgeAsset(metadata=metadata(asset_id(0))), RestoreAsset(metadata=metadata(asset_id(7)))
    )
    tables.apply(
        CommandAccepted(
            command_id=CommandId("c1"),
            tenant_id=ACME,
            entity_id=asset_id(1),
            decided_at=NOON,
            position="asset-events:0:0",
            events=(),
            asset=None,
            category=None,
        )
    )
    (begun,) = decide(start(instructions("delete")), {}, EMPTY_CATALOGUE, NOON)
    operation = evolve(None, begun)
    assert operation is not None
    (found,) = selection_events(operation, [asset_id(1)], after="", is_last=True, now=NOON)
    operation = evolve(operation, found)
    assert operation is not None
    tables.apply(begun, found, *progress_events(operation, [DONE], per_minute=1, now=NOON))
    return tables


@pytest.fixture(scope="module")
def client(session: CassandraSession, memory: MemoryTables) -> Iterator[TestClient]:
    app, _ = create_app(
        QueryApiDependencies(
            views=ViewReader(session, QUERIED_VIEWS),
            log_end_offsets=MemoryLogEnds(),
            blobs=MemoryBlobStore(),
            keys=MemoryKeys(),
            renderer=MemoryRenderer(MemoryBlobStore()),
        ),
        cursor_secrets=["secret"],
        addresses=BaseUrls(
            public_base_url="https://img.example", problem_base_url="https://api.example"
        ),
        wait_seconds=0.05,
        blob_cache_bytes=0,
        probes={},
    )
    with TestClient(app, headers={"Authorization": "Bearer acme-reads"}) as opened:
        yield opened


Query = Callable[[ViewReader], Awaitable[object]]


def check_same(session: CassandraSession, memory: MemoryTables, *queries: Query) -> None:
    """Check that each query finds the very same in Cassandra as in memory."""

    async def check() -> None:
        real, fake = ViewReader(session, QUERIED_VIEWS), ViewReader(memory, QUERIED_VIEWS)
        for query in queries:
            assert plain(await query(real)) == plain(await query(fake))

    asyncio.run(check())


def in_memory(memory: MemoryTables, query: Query) -> Any:  # noqa: ANN401 - what the query gives
    async def ask() -> object:
        return await query(ViewReader(memory))

    return asyncio.run(ask())


async def listed(
    views: ViewReader,
    open_view: Callable[[ViewReader], BucketedView],
    key: ListingKey,
    bucket: str,
    *,
    span: KeyRange = ALL,
    order: SortOrder = "asc",
    limit: int = 9,
    as_of: datetime | None = None,
) -> Sequence[Row]:
    """Give the first assets of a bucket of a listing."""
    (source,) = await open_view(views).open([key], Period(), is_fresh=True, as_of=as_of)
    rows = await source.rows(bucket, span, order, limit)
    assert not rows or bucket in await source.buckets()
    return rows


async def buckets_of(
    views: ViewReader, open_view: Callable[[ViewReader], BucketedView], key: ListingKey
) -> Sequence[str]:
    (source,) = await open_view(views).open([key], Period(), is_fresh=True)
    return await source.buckets()


def test_one_row_is_the_same(session: CassandraSession, memory: MemoryTables) -> None:
    for number in (0, 1, 1_000, 1_001, 7_777):
        named = asset_id(number)
        check_same(
            session,
            memory,
            partial(find_asset, tenant_id=ACME, asset_id=named),
            partial(find_public_asset, asset_id=named),
            partial(asset_history, tenant_id=ACME, asset_id=named),
        )
    for command_id in (CommandId("c1"), CommandId("c2")):
        check_same(session, memory, partial(find_outcome, tenant_id=ACME, command_id=command_id))


def asked(tenant_id: TenantId) -> dict[Callable[..., object], Query]:
    """Everything that is ever asked for one tenant, about what is Acme's."""
    then = NOON + timedelta(days=30)
    asset, operation = (tenant_id, asset_id(1)), (tenant_id, OPERATION)
    of_month, of_day = ((tenant_id, category_id("cats")), "2026-11"), ((tenant_id,), "2026-11-24")
    sha256, look, at_us = ORIGINAL.sha256, FACTS.perceptual_hash, microseconds(then)
    return {
        find_asset: lambda views: find_asset(views, *asset),
        find_source: lambda views: find_source(views, *asset),
        published_assets: lambda views: published_assets(views, tenant_id, [asset_id(1)]),
        asset_history: lambda views: asset_history(views, *asset),
        read_events: lambda views: read_events(views, *asset),
        exact_duplicates: lambda views: exact_duplicates(views, *asset, sha256),
        similar_assets: lambda views: similar_assets(views, tenant_id, look),
        find_outcome: lambda views: find_outcome(views, tenant_id, CommandId("c1")),
        all_operations: lambda views: all_operations(views, tenant_id),
        find_operation: lambda views: find_operation(views, *operation),
        list_operation_items: lambda views: list_operation_items(views, *operation, -1, 9),
        all_categories: lambda views: all_categories(views, tenant_id),
        read_catalogue: lambda views: found_category(views, tenant_id),
        all_categories_as_of: lambda views: all_categories_as_of(views, tenant_id, at_us),
        AssetScan.scan: lambda views: all_of(AssetScan(views).scan(tenant_id)),
        AssetScan.named: lambda views: all_of(AssetScan(views).named(tenant_id, [asset_id(1)])),
        listings_by_category: lambda views: listed(views, listings_by_category, *of_month),
        listings_by_date: lambda views: listed(views, listings_by_date, *of_day),
        listings_of_the_past: lambda views: listed(
            views, listings_of_the_past, *of_month, as_of=then
        ),
        AssetViewLookup: lambda views: AssetViewLookup(views).source_url(*asset),
        ViewDuplicateFinder: lambda views: ViewDuplicateFinder(lambda: views).of(
            asset_id(1), tenant_id, sha256
        ),
    }


async def found_category(views: ViewReader, tenant_id: TenantId) -> Category | None:
    return (await read_catalogue(views, tenant_id)).find(CategoryRef("cats"))


async def all_of(found: AsyncIterator[object]) -> list[object]:
    return [each async for each in found]


def test_whatever_is_asked_for_a_tenant_finds_nothing_of_another(
    session: CassandraSession, memory: MemoryTables
) -> None:
    of_one_tenant = {
        function
        for view in VIEWS
        if find_spec(f"read_models.{view.name}.queries")
        for function in vars(import_module(f"read_models.{view.name}.queries")).values()
        if "tenant_id" in getattr(function, "__annotations__", {})
    }
    queries = asked(ACME)
    assert {each for each in of_one_tenant if isfunction(each)} <= queries.keys()
    check_same(session, memory, *queries.values(), *asked(GLOBEX).values())

    async def found(tenant_id: TenantId) -> set[Callable[..., object]]:
        views = ViewReader(session, QUERIED_VIEWS)
        return {name for name, query in asked(tenant_id).items() if await query(views)}

    async def compare() -> None:
        assert await found(ACME) == queries.keys()
        assert await found(TenantId("stranger")) == set()

    asyncio.run(compare())


def test_trees_and_buckets_are_the_same(session: CassandraSession, memory: MemoryTables) -> None:
    for tenant_id in (ACME, GLOBEX):
        key = (tenant_id, category_id("cats"))
        check_same(
            session,
            memory,
            partial(all_categories, tenant_id=tenant_id),
            partial(buckets_of, open_view=listings_by_date, key=(tenant_id,)),
            partial(buckets_of, open_view=listings_by_category, key=key),
        )


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_buckets_are_cut_at_the_same_places(
    session: CassandraSession, memory: MemoryTables, order: SortOrder
) -> None:
    month = partial(
        listed,
        open_view=listings_by_category,
        key=(ACME, category_id("cats")),
        bucket="2026-11",
        order=order,
    )
    whole = sorted(map(sort_key, in_memory(memory, partial(month, limit=100))))
    assert len(whole) > 5
    cuts = [
        ALL,
        *(KeyRange(after=key) for key in whole),
        *(KeyRange(before=key) for key in whole),
        KeyRange(after=whole[1], before=whole[4]),
        KeyRange(after=(whole[2][0], ""), before=(whole[3][0], "")),
    ]
    check_same(
        session,
        memory,
        *(partial(month, span=span, limit=limit) for span in cuts for limit in (1, 3, 100)),
    )
    days = in_memory(memory, partial(buckets_of, open_view=listings_by_date, key=(ACME,)))
    day = partial(listed, open_view=listings_by_date, key=(ACME,), order=order)
    check_same(session, memory, *(partial(day, bucket=bucket) for bucket in days))


def test_a_listing_of_many_buckets_is_walked_to_its_end(
    client: TestClient, memory: MemoryTables
) -> None:
    published = {
        asset_id(number) for number in (*range(DAYS), 1_000) if number % 7 or number in (7, 1_000)
    }
    for path in (
        "/v1/assets?limit=9",
        "/v1/assets?limit=9&order=asc",
    ):
        shown: list[str] = []
        following: str | None = path
        while following:
            page = client.get(following).raise_for_status().json()
            shown += [item["asset_id"] for item in page["items"]]
            following = page["next"]
        assert len(shown) == len(set(shown))
        assert set(shown) == published


def test_those_with_the_same_bytes_and_looks_are_the_same(
    session: CassandraSession, memory: MemoryTables
) -> None:
    looks = (FACTS.perceptual_hash, "0" * 12 + FACTS.perceptual_hash[12:], "0" * 16)
    for tenant_id in (ACME, GLOBEX):
        check_same(
            session,
            memory,
            partial(
                exact_duplicates,
                tenant_id=tenant_id,
                asset_id=asset_id(1),
                sha256=ORIGINAL.sha256,
            ),
            *(partial(similar_assets, tenant_id=tenant_id, perceptual_hash=look) for look in looks),
        )


def test_the_past_is_the_same(session: CassandraSession, memory: MemoryTables) -> None:
    orders: tuple[tuple[SortOrder, int], ...] = (("asc", 3), ("desc", 100))
    history = in_memory(memory, partial(asset_history, tenant_id=ACME, asset_id=asset_id(3)))
    described = moment(history[-1]["happened_at_us"])
    around = (described + timedelta(seconds=number) for number in range(-8, 9, 2))
    moments = [NOON, NOON + timedelta(days=3), *around, NOON + timedelta(days=60)]
    cats = category_id("cats")
    past = partial(listed, open_view=listings_of_the_past)
    for key in ((ACME, EVERYTHING), (ACME, cats), (GLOBEX, EVERYTHING)):
        buckets = partial(buckets_of, open_view=listings_of_the_past, key=key)
        there = product(moments, in_memory(memory, buckets), orders)
        check_same(
            session,
            memory,
            buckets,
            *(
                partial(past, key=key, bucket=bucket, order=order, limit=limit, as_of=then)
                for then, bucket, (order, limit) in there
            ),
        )
    month = partial(past, key=(ACME, cats), bucket="2026-11", as_of=moments[-1])
    keys = list(map(sort_key, in_memory(memory, partial(month, limit=99))))
    for span in (KeyRange(after=keys[1], before=keys[4]), KeyRange(after=(keys[2][0], ""))):
        for order, limit in orders:
            check_same(session, memory, partial(month, span=span, order=order, limit=limit))
    for tenant_id, then in product((ACME, GLOBEX), moments):
        tree = partial(all_categories_as_of, tenant_id=tenant_id, at_us=microseconds(then))
        check_same(session, memory, tree)
    assert len(in_memory(memory, tree)) > CATEGORIES


def test_a_read_waits_for_the_checkpoint_of_its_view(
    client: TestClient, store: CassandraViewStore
) -> None:
    header = {"ScaleHoster-Position": position_to_header("asset-events:2:7")}
    path = f"/v1/assets/{asset_id(1)}"
    assert client.get(path, headers=header).status_code == 503
    store.save(
        [
            Checkpoint(
                view=view.name,
                generation=1,
                topic=ASSET_EVENTS.name,
                partition=2,
                applied_offset=8,
                event_count=8,
            )
            for view in (ASSET_BY_ID, ASSETS_BY_CONTENT)
        ]
    )
    assert client.get(path, headers=header).status_code == 200


def test_views_that_were_never_built_are_named(settings: CassandraSettings, keyspace: str) -> None:
    opened = CassandraSession(settings, keyspace=keyspace)
    try:
        with pytest.raises(ViewsMissing):
            asyncio.run(ViewReader(opened, QUERIED_VIEWS).check())
    finally:
        opened.close()


def plain(found: object) -> object:
    """Make rows comparable: lists and tuples are one."""
    if isinstance(found, Mapping):
        return {name: plain(value) for name, value in found.items()}
    if isinstance(found, (list, tuple)):
        return list(map(plain, found))
    return found
