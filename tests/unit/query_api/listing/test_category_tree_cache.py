"""Trees in memory: however many are asked for, few are read at once and few are kept."""

import asyncio
import gc
from collections.abc import Sequence
from datetime import timedelta
from weakref import ref

import pytest

from infra.cassandra.session import Row
from query_api.listing import category_tree_cache
from query_api.listing.category_tree_cache import CategoryTreeCache
from query_api.read_context import ReadContext
from read_models.view_reader import ViewReader
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.samples import ACME, NOON, create_category
from tests.support.story import GLOBEX, Story

READER = ReadContext(tenant_id=ACME, is_fresh=True)


class SlowTables(MemoryTables):
    """Counts the trees that are read, and answers one tenant only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = self.under_way = self.most_under_way = 0
        self.answer = asyncio.Event()

    async def select(
        self, statement: str, parameters: Sequence[object] = (), *, page_size: int = 1_000
    ) -> list[Row]:
        rows = await super().select(statement, parameters, page_size=page_size)
        if "FROM categories" in statement:
            self.reads += 1
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            if parameters[0] == ACME:
                await self.answer.wait()
            self.under_way -= 1
        return rows


def test_one_tenant_reads_two_trees_at_once_and_others_wait_for_none_of_them() -> None:
    async def story() -> None:
        tables = SlowTables()
        trees = CategoryTreeCache(ViewReader(tables))
        moments = [None, *(NOON + timedelta(seconds=number) for number in range(50))]
        asking = [asyncio.create_task(trees.tree(READER, moment)) for moment in moments]
        asking += [asyncio.create_task(trees.tree(READER)) for _ in range(50)]
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await trees.tree(ReadContext(tenant_id=GLOBEX, is_fresh=False))
        assert tables.most_under_way == 3
        tables.answer.set()
        await asyncio.gather(*asking)
        assert tables.most_under_way == 3
        assert tables.reads == 1 + 51 + 1  # fifty who wanted a fresh one shared it

    asyncio.run(story())


def test_trees_of_the_past_are_kept_by_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(category_tree_cache, "_MOST_CATEGORIES_THEN", 40)

    async def story() -> None:
        tables = SlowTables()
        tables.answer.set()
        told = Story(tables)
        told.tell(*(create_category(f"c{number}") for number in range(9)))
        trees = CategoryTreeCache(ViewReader(tables))
        read = [
            ref(await trees.tree(READER, told.now + timedelta(seconds=number)))
            for number in range(100)
        ]
        gc.collect()
        assert sum(each() is not None for each in read) == 4

    asyncio.run(story())
