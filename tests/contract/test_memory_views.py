"""The view store of the tests keeps the promises of the real one."""

from infra.cassandra.row_operations import ColumnValue, Table
from infra.cassandra.view_store import ViewStore
from tests.contract.view_store import ViewStoreContract
from tests.support.fakes.memory_views import MemoryViewStore


class TestMemoryViewStore(ViewStoreContract):
    def new_store(self) -> ViewStore:
        self.store = MemoryViewStore()
        return self.store

    def rows(
        self, table: Table, generation: int = 1
    ) -> dict[tuple[ColumnValue, ...], dict[str, ColumnValue]]:
        return self.store.rows(table, generation)
