"""Cassandra as a view store."""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cassandra.cluster import Session

from infra.cassandra.column_encryption import decrypted_row
from infra.cassandra.parked_records import ParkedRecord
from infra.cassandra.row_operations import ColumnValue, Table
from infra.cassandra.session import CassandraSession
from infra.cassandra.view_store import STATE_TABLES, CassandraViewStore, ViewStore
from infra.errors import StoreUnavailable, ViewsMissing
from infra.local_cluster import free_port
from infra.settings import CassandraSettings
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.asset_history.projection import ASSET_HISTORY
from read_models.categories.projection import TREE
from read_models.installation import MAINTENANCE_TABLES, apply_views, live_generations
from read_models.registry import VIEWS
from read_models.view_reader import ViewReader
from tests.contract.view_store import FRUIT, ViewStoreContract, parked, upsert
from tests.support.servers import Servers


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


class TestCassandraViewStore(ViewStoreContract):
    @pytest.fixture(autouse=True)
    def _servers(
        self, cql: Session, settings: CassandraSettings, store: CassandraViewStore
    ) -> None:
        self.cql, self.keyspace, self.store = cql, settings.keyspace, store
        for table in ("categories_g1", "category_buckets_g1", "projection_state", "parked_records"):
            cql.execute(f"TRUNCATE {settings.keyspace}.{table}")

    def new_store(self) -> ViewStore:
        return self.store

    def rows(
        self, table: Table, generation: int = 1
    ) -> dict[tuple[ColumnValue, ...], dict[str, ColumnValue]]:
        return rows_of(self.cql, self.keyspace, table, generation)


def rows_of(
    cql: Session, keyspace: str, table: Table, generation: int = 1
) -> dict[tuple[ColumnValue, ...], dict[str, ColumnValue]]:
    found = {}
    for row in cql.execute(f"SELECT * FROM {keyspace}.{table.at(generation)}"):  # noqa: S608 - our names
        columns = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in decrypted_row(row._asdict(), table).items()
            if value is not None
        }
        found[tuple(columns.pop(name) for name in table.key)] = columns
    return found


def test_every_table_has_the_key_that_its_view_says(
    cql: Session, settings: CassandraSettings
) -> None:
    columns = cql.execute(
        "SELECT table_name, column_name, kind, position FROM system_schema.columns"
        " WHERE keyspace_name = %s",
        [settings.keyspace],
    ).all()

    def names(table: str, kind: str) -> tuple[str, ...]:
        found = [c for c in columns if (c.table_name, c.kind) == (table, kind)]
        return tuple(c.column_name for c in sorted(found, key=lambda c: c.position))

    tables = [table for view in VIEWS for table in view.tables]
    assert {table.at(1) for table in tables} | {*STATE_TABLES, *MAINTENANCE_TABLES} == {
        column.table_name for column in columns
    }
    for table in tables:
        assert names(table.at(1), "partition_key") == table.partition_key
        assert names(table.at(1), "clustering") == table.clustering


def test_making_the_tables_again_changes_nothing(
    settings: CassandraSettings, store: CassandraViewStore
) -> None:
    store.write([upsert(1, name="Fruit")], generation=1)
    apply_views(settings)
    assert {(live.view, live.generation) for live in live_generations(store)} == {
        (view, 1) for view in VIEWS
    }


def test_making_the_tables_again_keeps_the_generation_that_was_chosen(
    cql: Session, settings: CassandraSettings, store: CassandraViewStore
) -> None:
    choose = f"INSERT INTO {settings.keyspace}.active_generation (view_name, generation) VALUES"
    cql.execute(f"{choose} ('categories', 2)")
    apply_views(settings)
    live = {live.view.name: live.generation for live in live_generations(store)}
    assert live["categories"] == 2
    cql.execute(f"{choose} ('categories', 1)")
    (second,) = [each for each in store.generations.all() if each.number == 2]
    store.generations.move(second, "dropped")
    cql.execute(f"DROP TABLE {settings.keyspace}.categories_g2")


def test_a_missing_table_is_named(
    cql: Session, settings: CassandraSettings, store: CassandraViewStore
) -> None:
    cql.execute(f"DROP TABLE {settings.keyspace}.pending_assets_g1")
    with pytest.raises(ViewsMissing, match=r"pending_assets_g1.*scalehoster up"):
        live_generations(store)
    apply_views(settings)
    live_generations(store)


def test_a_table_that_goes_missing_is_told(
    cql: Session, settings: CassandraSettings, store: CassandraViewStore
) -> None:
    store.write([upsert(1, name="Fruit")], generation=1)
    cql.execute(f"DROP TABLE {settings.keyspace}.categories_g1")
    with pytest.raises(ViewsMissing, match="categories_g1"):
        store.write([upsert(2, name="Fruit")], generation=1)
    apply_views(settings)


def test_a_missing_keyspace_is_told_apart_from_an_outage(servers: Servers) -> None:
    nowhere = CassandraSettings(
        host=servers.cassandra_host, port=servers.cassandra_port, keyspace="nobody_made_this"
    )
    with pytest.raises(ViewsMissing, match="nobody_made_this"):
        CassandraViewStore.connect(nowhere)


def test_an_outage_is_told_by_our_own_name() -> None:
    with pytest.raises(StoreUnavailable):
        CassandraViewStore.connect(CassandraSettings(port=free_port()))


@pytest.fixture
def loose(settings: CassandraSettings, cql: Session) -> Iterator[CassandraSession]:
    cql.execute(f"TRUNCATE {settings.keyspace}.categories_g1")
    opened = CassandraSession(settings, keyspace=settings.keyspace)
    yield opened
    opened.close()


def test_a_query_gives_one_page(loose: CassandraSession, store: CassandraViewStore) -> None:
    store.write([upsert(1, ("acme", f"c{n}"), version=n) for n in range(9)], generation=1)
    statement = "SELECT category_id, version FROM categories_g1 WHERE tenant_id = ?"
    rows = asyncio.run(loose.select(statement, ["acme"], page_size=3))
    assert rows == [{"category_id": f"c{n}", "version": n} for n in range(3)]


def test_queries_run_side_by_side(loose: CassandraSession, store: CassandraViewStore) -> None:
    store.write([upsert(1, ("acme", f"c{n}"), version=n) for n in range(50)], generation=1)
    statement = "SELECT version FROM categories_g1 WHERE tenant_id = ? AND category_id = ?"

    async def all_of_them() -> list[int]:
        answers = await asyncio.gather(
            *(loose.select(statement, ["acme", f"c{n}"]) for n in range(50))
        )
        return [row["version"] for (row,) in answers]

    assert asyncio.run(all_of_them()) == list(range(50))


def test_a_query_without_its_table_is_told(loose: CassandraSession) -> None:
    with pytest.raises(ViewsMissing, match="nothing_g1"):
        asyncio.run(loose.select("SELECT * FROM nothing_g1"))


def test_a_row_that_has_only_its_key_is_found(
    store: CassandraViewStore, loose: CassandraSession
) -> None:
    assert TREE.key == ("tenant_id", "category_id")
    store.write([upsert(1)], generation=1)
    (row,) = asyncio.run(loose.select("SELECT * FROM categories_g1 WHERE tenant_id = ?", ["acme"]))
    assert (row["tenant_id"], row["category_id"]) == FRUIT


def test_a_view_tells_whose_records_it_lacks(
    settings: CassandraSettings, store: CassandraViewStore
) -> None:
    place = parked(7).entry
    store.parked_records.park(
        [ParkedRecord(entry=replace(place, view="asset_history", topic="asset-events"), value=b"")]
    )
    opened = CassandraSession(settings, keyspace=settings.keyspace)
    try:
        views = ViewReader(opened)

        assert asyncio.run(views.lacks(ASSET_HISTORY, place.key.decode()))
        assert not asyncio.run(views.lacks(ASSET_HISTORY, "another"))
        assert not asyncio.run(views.lacks(ASSET_BY_ID, place.key.decode()))
    finally:
        opened.close()
