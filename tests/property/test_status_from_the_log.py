"""A view of assets by status follows from each event alone, without any state."""

from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import assert_never

from hypothesis import example, given
from hypothesis import strategies as st

from domain.asset import Asset, evolve, replay
from domain.asset.events import (
    AssetCategorised,
    AssetConfirmed,
    AssetDelayed,
    AssetDeleted,
    AssetDescribed,
    AssetErased,
    AssetEvent,
    AssetPublished,
    AssetPurged,
    AssetRefreshRequested,
    AssetRejected,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
)
from domain.values import Status
from infra.cassandra.row_operations import Delete, RowOperation, Table, Upsert
from read_models.time import microseconds
from tests.property.test_projection_rows import A_LONG_LIFE
from tests.support.fakes.memory_views import MemoryViewStore
from tests.support.history_maker import Wish, tenant, wishes

BY_STATUS = Table(
    name="assets_by_status",
    partition_key=("tenant_id", "status"),
    clustering=("created_at_us", "asset_id"),
)
EVERY_STATUS: list[Wish] = [
    *(("submit", 0, 0, 1), ("delete", 0, 0, 0), ("restore", 0, 0, 0), ("reject", 0, 0, 0)),
    *(("delete", 0, 0, 0), ("restore", 0, 0, 0), ("refresh", 0, 0, 0), ("reject", 0, 0, 0)),
    *(("replace", 0, 0, 0), ("publish", 0, 0, 0), ("refresh", 0, 0, 0), ("reject", 0, 0, 0)),
    *(("delete", 0, 0, 0), ("restore", 0, 0, 0), ("delete", 0, 0, 0), ("purge", 0, 0, 0)),
    ("erase", 0, 0, 0),
]


def moved(event: AssetEvent) -> tuple[datetime, Status | None, Status] | None:
    """Say when the asset was submitted, its status before and its status now: from one event."""
    match event:
        case AssetSubmitted():
            return event.metadata.happened_at, None, Status.SUBMITTED
        case AssetPublished():
            return event.created_at, event.previous_status, Status.PUBLISHED
        case AssetRejected():
            status = event.previous_status if event.keeps_published else Status.REJECTED
            return event.created_at, event.previous_status, status
        case AssetDeleted():
            return event.created_at, event.previous_status, Status.DELETED
        case AssetPurged():
            return event.created_at, event.previous_status, Status.PURGED
        case AssetRestored() | AssetSourceReplaced() | AssetRefreshRequested():
            return event.created_at, event.previous_status, event.status
        case (
            AssetConfirmed()
            | AssetDelayed()
            | AssetCategorised()
            | AssetDescribed()
            | AssetReprocessingRequested()
            | AssetErased()
        ):
            return None
        case _:
            assert_never(event)


def rows(event: AssetEvent) -> Iterator[RowOperation]:
    """Move the asset between partitions, as the projection of such a view would."""
    found = moved(event)
    if found is None:
        return
    created_at, before, now = found
    tenant_id, written_at_us = event.metadata.tenant_id, microseconds(event.metadata.happened_at)
    clustering = microseconds(created_at), event.asset_id
    if before not in (None, now):
        yield Delete(
            table=BY_STATUS, key=(tenant_id, before, *clustering), written_at_us=written_at_us
        )
    yield Upsert(
        table=BY_STATUS, key=(tenant_id, now, *clustering), columns={}, written_at_us=written_at_us
    )


def histories(chosen: list[Wish]) -> dict[str, list[AssetEvent]]:
    found: dict[str, list[AssetEvent]] = {}
    for event in tenant(chosen).events:
        if isinstance(event, AssetEvent):
            found.setdefault(event.asset_id, []).append(event)
    return found


@given(wishes, st.randoms(use_true_random=False))
@example(A_LONG_LIFE, Random(0))
@example(EVERY_STATUS, Random(0))
def test_assets_by_status_follow_from_the_log_in_whatever_order_it_is_written(
    chosen: list[Wish], chance: Random
) -> None:
    of_asset = histories(chosen)
    operations = [each for history in of_asset.values() for e in history for each in rows(e)]
    for _ in range(2):
        store = MemoryViewStore()
        store.write(operations, generation=1)
        assets = [asset for asset in map(replay, of_asset.values()) if asset]
        assert set(store.rows(BY_STATUS)) == {
            ("acme", asset.status, microseconds(asset.created_at), asset.asset_id)
            for asset in assets
        }
        chance.shuffle(operations)


@given(wishes)
@example(EVERY_STATUS)
def test_each_event_names_the_status_that_the_asset_had_and_has(chosen: list[Wish]) -> None:
    for history in histories(chosen).values():
        asset: Asset | None = None
        for event in history:
            before = asset.status if asset else None
            asset = evolve(asset, event)
            assert asset is not None
            found = moved(event)
            if found is None:
                assert asset.status == before
            else:
                assert found == (asset.created_at, before, asset.status)


def test_one_history_has_every_status() -> None:
    (history,) = histories(EVERY_STATUS).values()
    changes = {found[1:] for found in map(moved, history) if found}
    assert {now for _, now in changes} == set(Status)
    assert {before for before, _ in changes} == {None, *set(Status) - {Status.PURGED}}
