"""The query API on a real Cassandra: the same story gives the same answers as in memory."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
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
from domain.category import EMPTY_CATALOGUE
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
from query_api.cassandra_queries import CassandraQueries
from query_api.queries import Queries
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.asset_history.queries import AssetHistories
from read_models.assets_by_content.projection import ASSETS_BY_CONTENT
from read_models.assets_by_shard.queries import AssetScan
from read_models.installation import apply_views
from read_models.keyset import KeyRange, SortOrder
from read_models.registry import QUERIED_VIEWS, VIEWS
from read_models.time import microseconds
from read_models.view import View
from read_models.view_reader import ViewReader
from streams.erasure.asset_lookup import AssetViewLookup
from streams.ingestion.worker.duplicate_finder import ViewDuplicateFinder
from tests.support.bulk_operations import OPERATION, instructions, start
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.memory_queries import MemoryLogEnds, MemoryQueries
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


class BothQueries(MemoryQueries):
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
def memory(store: CassandraViewStore) -> MemoryQueries:
    """Forty days of pictures, some deleted, and two at the very same moment."""
    queries = BothQueries(store)
    story = Story(queries)
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
    queries.apply(
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
    queries.apply(begun, found, *progress_events(operation, [DONE], per_minute=1, now=NOON))
    return queries


@pytest.fixture(scope="module")
def client(session: CassandraSession, memory: MemoryQueries) -> Iterator[TestClient]:
    app, _ = create_app(
        QueryApiDependencies(
            queries=CassandraQueries(ViewReader(session, QUERIED_VIEWS)),
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


def test_one_row_is_the_same(session: CassandraSession, memory: MemoryQueries) -> None:
    async def compare() -> None:
        real = CassandraQueries(ViewReader(session, QUERIED_VIEWS))
        for number in (0, 1, 1_000, 1_001, 7_777):
            named = asset_id(number)
            assert plain(await real.asset(ACME, named)) == plain(await memory.asset(ACME, named))
            assert await real.public_asset(named) == await memory.public_asset(named)
            told = [plain(row) for row in await real.history(ACME, named)]
            assert told == [plain(row) for row in await memory.history(ACME, named)]
        for command_id in (CommandId("c1"), CommandId("c2")):
            assert plain(await real.command(ACME, command_id)) == plain(
                await memory.command(ACME, command_id)
            )

    asyncio.run(compare())


def asked(
    session: CassandraSession, tenant_id: TenantId
) -> dict[str, Callable[[], Awaitable[object]]]:
    """Everything that is ever asked for one tenant, about what is Acme's."""
    real, views = CassandraQueries(ViewReader(session, QUERIED_VIEWS)), ViewReader(session)
    cats, at_us = category_id("cats"), microseconds(NOON + timedelta(days=30))
    return {
        "asset": lambda: real.asset(tenant_id, asset_id(1)),
        "history": lambda: real.history(tenant_id, asset_id(1)),
        "same_bytes": lambda: real.same_bytes(tenant_id, ORIGINAL.sha256),
        "similar": lambda: real.similar(tenant_id, FACTS.perceptual_hash),
        "command": lambda: real.command(tenant_id, CommandId("c1")),
        "operations": lambda: real.operations(tenant_id),
        "operation": lambda: real.operation(tenant_id, OPERATION),
        "operation_items": lambda: real.operation_items(tenant_id, OPERATION, -1, 9),
        "categories": lambda: real.categories(tenant_id),
        "categories_as_of": lambda: real.categories_as_of(tenant_id, at_us),
        "months": lambda: real.months(tenant_id, cats, 1),
        "days": lambda: real.days(tenant_id, 1),
        "of_month": lambda: real.of_month(tenant_id, cats, "2026-11", ALL, "asc", 9, 1),
        "of_day": lambda: real.of_day(tenant_id, "2026-11-24", ALL, "asc", 9, 1),
        "buckets_as_of": lambda: real.buckets_as_of(tenant_id, cats, 1),
        "shown_as_of": lambda: real.shown_as_of(
            at_us, tenant_id, cats, "2026-11", ALL, "asc", 9, 1
        ),
        "AssetViewLookup": lambda: AssetViewLookup(views).source_url(tenant_id, asset_id(1)),
        "AssetHistories": lambda: AssetHistories(views).of(tenant_id, asset_id(1)),
        "ViewDuplicateFinder": lambda: ViewDuplicateFinder(lambda: views).of(
            asset_id(1), tenant_id, ORIGINAL.sha256
        ),
        "candidates": lambda: candidates_of(AssetScan(views), tenant_id),
    }


async def candidates_of(views: AssetScan, tenant_id: TenantId) -> list[object]:
    """Ask for one asset, for those of its shard, and for the categories."""
    named = [each async for each in views.named(tenant_id, [asset_id(1)])]
    walked = [each async for each in views.scan(tenant_id)]
    tree = (await views.catalogue(tenant_id)).find(CategoryRef("cats"))
    found: list[object] = [*named, *walked, *([tree] if tree else [])]
    assert not found or (named and walked and tree)
    return found


def test_whatever_is_asked_for_a_tenant_finds_nothing_of_another(
    session: CassandraSession, memory: MemoryQueries
) -> None:
    of_one_tenant = {
        name
        for name, method in vars(Queries).items()
        if "tenant_id" in getattr(method, "__annotations__", {})
    }
    assert of_one_tenant <= asked(session, ACME).keys()

    async def found(tenant_id: TenantId) -> set[str]:
        return {name for name, ask in asked(session, tenant_id).items() if await ask()}

    async def compare() -> None:
        assert await found(ACME) == asked(session, ACME).keys()
        assert await found(TenantId("stranger")) == set()

    asyncio.run(compare())


def test_trees_and_buckets_are_the_same(session: CassandraSession, memory: MemoryQueries) -> None:
    async def compare() -> None:
        real = CassandraQueries(ViewReader(session, QUERIED_VIEWS))
        for tenant_id in (ACME, GLOBEX):
            rows = [plain(row) for row in await real.categories(tenant_id)]
            expected = await memory.categories(tenant_id)
            assert rows == sorted(map(plain, expected), key=lambda row: row["category_id"])
            assert set(await real.days(tenant_id, 1)) == set(await memory.days(tenant_id, 1))
            cats = category_id("cats")
            months = await real.months(tenant_id, cats, 1)
            assert set(months) == set(await memory.months(tenant_id, cats, 1))

    asyncio.run(compare())


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_buckets_are_cut_at_the_same_places(
    session: CassandraSession, memory: MemoryQueries, order: SortOrder
) -> None:
    async def compare() -> None:
        real = CassandraQueries(ViewReader(session, QUERIED_VIEWS))
        month = "2026-11"
        whole = await memory.of_month(ACME, category_id("cats"), month, ALL, "asc", 100, 1)
        keys = [(row["created_at_us"], row["asset_id"]) for row in whole]
        assert len(keys) > 5
        cuts = [
            ALL,
            *(KeyRange(after=key) for key in keys),
            *(KeyRange(before=key) for key in keys),
        ]
        cuts.append(KeyRange(after=keys[1], before=keys[4]))
        cuts.append(KeyRange(after=(keys[2][0], ""), before=(keys[3][0], "")))
        for span in cuts:
            for limit in (1, 3, 100):
                place = (ACME, category_id("cats"), month, span, order, limit, 1)
                await compare_items(real.of_month(*place), memory.of_month(*place))
        for day in await memory.days(ACME, 1):
            by_day = (ACME, day, ALL, order, 10, 1)
            await compare_items(real.of_day(*by_day), memory.of_day(*by_day))

    asyncio.run(compare())


def test_a_listing_of_many_buckets_is_walked_to_its_end(
    client: TestClient, memory: MemoryQueries
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
    session: CassandraSession, memory: MemoryQueries
) -> None:
    async def compare() -> None:
        real = CassandraQueries(ViewReader(session, QUERIED_VIEWS))
        for tenant_id in (ACME, GLOBEX):
            same = await real.same_bytes(tenant_id, ORIGINAL.sha256)
            assert set(same) == set(await memory.same_bytes(tenant_id, ORIGINAL.sha256))
            for look in (FACTS.perceptual_hash, "0" * 12 + FACTS.perceptual_hash[12:], "0" * 16):
                similar = [
                    sorted((row["asset_id"], row["perceptual_hash"]) for row in rows)
                    for rows in (
                        await real.similar(tenant_id, look),
                        await memory.similar(tenant_id, look),
                    )
                ]
                assert similar[0] == similar[1]

    asyncio.run(compare())


def test_the_past_is_the_same(session: CassandraSession, memory: MemoryQueries) -> None:
    first = microseconds(NOON)
    day_us, second_us = 86_400_000_000, 1_000_000
    orders: tuple[tuple[SortOrder, int], ...] = (("asc", 3), ("desc", 100))

    async def compare() -> None:
        real = CassandraQueries(ViewReader(session, QUERIED_VIEWS))
        described = (await memory.history(ACME, asset_id(3)))[-1]["happened_at_us"]
        around = range(described - 8 * second_us, described + 9 * second_us, 2 * second_us)
        moments = [first, first + 3 * day_us, *around, first + 60 * day_us]
        cats = category_id("cats")
        for tenant_id, shelf in ((ACME, ""), (ACME, cats), (GLOBEX, "")):
            buckets = await memory.buckets_as_of(tenant_id, shelf, 1)
            assert set(await real.buckets_as_of(tenant_id, shelf, 1)) == set(buckets)
            for at_us, bucket in product(moments, buckets):
                for order, limit in orders:
                    place = (at_us, tenant_id, shelf, bucket, ALL, order, limit, 1)
                    await compare_items(real.shown_as_of(*place), memory.shown_as_of(*place))
        whole = await memory.shown_as_of(moments[-1], ACME, cats, "2026-11", ALL, "asc", 99, 1)
        keys = [(row["created_at_us"], row["asset_id"]) for row in whole]
        for span in (KeyRange(after=keys[1], before=keys[4]), KeyRange(after=(keys[2][0], ""))):
            for order, limit in orders:
                place = (moments[-1], ACME, cats, "2026-11", span, order, limit, 1)
                await compare_items(real.shown_as_of(*place), memory.shown_as_of(*place))
        for tenant_id, at_us in product((ACME, GLOBEX), moments):
            await compare_items(
                real.categories_as_of(tenant_id, at_us), memory.categories_as_of(tenant_id, at_us)
            )
        assert len(await real.categories_as_of(GLOBEX, moments[-1])) > 4 * CATEGORIES

    asyncio.run(compare())


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
        queries = CassandraQueries(ViewReader(opened, QUERIED_VIEWS))
        with pytest.raises(ViewsMissing):
            asyncio.run(queries.check())
    finally:
        opened.close()


def plain(row: Row | None) -> dict[str, Any]:
    """Make rows comparable: lists and tuples are one, and what is null is left out."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in (row or {}).items()
        if value is not None
    }


async def compare_items(real: Awaitable[Sequence[Row]], memory: Awaitable[Sequence[Row]]) -> None:
    """Hold listings together; memory gives the key of the partition too."""
    found, expected = [plain(row) for row in await real], [plain(row) for row in await memory]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.items() <= other.items()
