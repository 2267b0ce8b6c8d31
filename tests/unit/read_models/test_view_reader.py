import asyncio
from dataclasses import replace

import pytest

from infra.errors import ViewNotBuilt, ViewsMissing
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.view_reader import ViewReader
from tests.support.fakes.memory_cql import MemoryCql

PICTURES = replace(ASSET_BY_ID, name="pictures")
SELECT = "SELECT * FROM pictures$suffix"


def read(cql: MemoryCql) -> list[object]:
    return list(asyncio.run(ViewReader(cql).select(PICTURES, SELECT, ())))


def has_reached(cql: MemoryCql, ends: dict[int, int]) -> bool:
    return asyncio.run(ViewReader(cql).has_reached(PICTURES, ends))


def test_the_generation_that_is_read_is_read() -> None:
    cql = MemoryCql(generation=7, checkpoints=[(5, 9), (None, 3), (0, None)], rows=[{"a": 1}])
    assert read(cql) == [{"a": 1}]
    assert cql.asked == ["SELECT * FROM pictures_g7"]


@pytest.mark.parametrize("checkpoint", [(5, 4), (5, None)])
def test_a_view_that_lacks_what_it_must_have_is_not_read(
    checkpoint: tuple[int | None, int | None],
) -> None:
    cql = MemoryCql(checkpoints=[(3, 3), checkpoint])
    with pytest.raises(ViewNotBuilt, match="pictures is being built"):
        read(cql)
    with pytest.raises(ViewNotBuilt):
        has_reached(cql, {})
    assert cql.asked == []


def test_a_view_that_nobody_made_is_missing() -> None:
    with pytest.raises(ViewsMissing):
        read(MemoryCql(generation=None))


def test_a_view_has_reached_what_lies_before_its_checkpoints() -> None:
    cql = MemoryCql(checkpoints=[(None, 5), (None, 2)])
    assert has_reached(cql, {0: 5, 1: 2})
    assert not has_reached(cql, {0: 5, 1: 3})
    assert not has_reached(cql, {2: 1})
