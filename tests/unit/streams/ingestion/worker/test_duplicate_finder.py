"""Who has the same bytes, going by rows of the views."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from domain.values import AssetId, Sha256
from infra.cassandra.session import Row
from infra.errors import StoreUnavailable
from read_models.view_reader import ViewReader
from streams.ingestion.worker.duplicate_finder import ViewDuplicateFinder
from tests.support.samples import ACME, ORIGINAL

BYTES = ORIGINAL.sha256
ME = AssetId("me")


def row(asset_id: str, at_us: int, status: str = "published", sha256: str = BYTES) -> Row:
    original = {**msgspec.to_builtins(ORIGINAL), "sha256": sha256}
    return {
        "asset_id": asset_id,
        "status": status,
        "created_at_us": at_us,
        "original": msgspec.json.encode(original).decode(),
    }


class Rows:
    """Answers for Cassandra; whoever is in ``assets`` once had the bytes."""

    def __init__(self, *assets: Row, is_away: bool = False) -> None:
        self.assets = {str(asset["asset_id"]): asset for asset in assets}
        self.is_away = is_away

    async def select(
        self, statement: str, parameters: Sequence[Any] = (), *, page_size: int = 1_000
    ) -> list[Row]:
        assert page_size
        if self.is_away:
            raise StoreUnavailable("nobody is there")
        if "active_generation" in statement:
            return [{"view_name": view, "generation": 3} for view in parameters[0]]
        if "projection_state" in statement:
            built = {"generation": 3, "target": 1, "applied_offset": 1}
            return [{"view_name": view, **built} for view in parameters[0]]
        assert parameters[0] == ACME
        assert "_g3" in statement
        if "assets_by_content" in statement:
            assert parameters[1] == BYTES
            return [{"asset_id": asset_id} for asset_id in self.assets]
        asset = self.assets[parameters[1]]
        columns = statement.removeprefix("SELECT ").partition(" FROM ")[0]
        return [dict(asset) if columns == "*" else {one: asset[one] for one in columns.split(", ")}]


def twin_in(*assets: Row) -> AssetId | None:
    twins = ViewDuplicateFinder(lambda: ViewReader(Rows(*assets)))
    return asyncio.run(twins.of(ME, ACME, BYTES))


def test_the_oldest_that_is_published_is_named() -> None:
    assert twin_in(row("b", 7), row("a", 8), row("c", 9)) == "b"


@pytest.mark.parametrize(
    "other",
    [
        row("me", 1),
        row("a", 1, "deleted"),
        row("a", 1, "purged"),
        row("a", 1, "rejected"),
        row("a", 1, sha256=Sha256("f" * 64)),
        {**row("a", 1), "original": "null"},
    ],
    ids=["itself", "deleted", "purged", "rejected", "another picture now", "no picture"],
)
def test_what_is_not_published_with_these_bytes_now_is_no_twin(other: Row) -> None:
    assert twin_in(other) is None
    assert twin_in(other, row("b", 2)) == "b"


def test_what_is_personal_about_the_other_is_neither_read_nor_decrypted() -> None:
    """A spoilt cell of one asset must not keep another from being published."""
    assert twin_in({**row("b", 7), "title": b"no key of ours made this"}) == "b"


def test_it_connects_once_and_only_when_asked_and_says_when_nobody_answers() -> None:
    made: list[ViewReader] = []

    def connect() -> ViewReader:
        made.append(ViewReader(Rows(is_away=True)))
        return made[-1]

    twins = ViewDuplicateFinder(connect)
    assert not made
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            asyncio.run(twins.of(ME, ACME, BYTES))
    assert len(made) == 1
