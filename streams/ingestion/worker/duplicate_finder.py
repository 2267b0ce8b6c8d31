"""Assets that have the same bytes, as the views show them: a hint, a moment old."""

import asyncio
from collections.abc import Callable
from threading import Lock
from typing import Protocol

import msgspec

from domain.values import AssetId, Original, Sha256, Status, TenantId
from infra.cassandra.session import Row
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.assets_by_content.projection import ASSETS_BY_CONTENT
from read_models.view_reader import ViewReader

_MOST = 100
_NAMED = "SELECT asset_id FROM assets_by_content$suffix WHERE tenant_id = ? AND sha256 = ?"
_ASSET = (
    "SELECT asset_id, status, created_at_us, original FROM asset_by_id$suffix"
    " WHERE tenant_id = ? AND asset_id = ?"
)
_READ_ORIGINAL = msgspec.json.Decoder(Original | None).decode


class IsDuplicate(Exception):
    """Another published asset has the same bytes, and the customer does not want them twice."""

    def __init__(self, duplicate_of: AssetId) -> None:
        super().__init__(f"the same picture is published as asset {duplicate_of}")
        self.duplicate_of = duplicate_of


class DuplicateFinder(Protocol):
    """What knows which bytes are published already."""

    async def of(self, asset_id: AssetId, tenant_id: TenantId, sha256: Sha256) -> AssetId | None:
        """Name the oldest other published asset of the tenant.

        Raises StoreUnavailable, ViewNotBuilt, ViewsMissing.
        """


class ViewDuplicateFinder:
    """Twins as the views know them; connects when it is first asked, which most jobs never do."""

    def __init__(self, connect: Callable[[], ViewReader]) -> None:
        self._connect = connect
        self._connecting = Lock()
        self._views: ViewReader | None = None

    async def of(self, asset_id: AssetId, tenant_id: TenantId, sha256: Sha256) -> AssetId | None:
        """Name the oldest other published asset of the tenant."""
        views = await asyncio.to_thread(self._connected)
        named = await views.select(ASSETS_BY_CONTENT, _NAMED, (tenant_id, sha256), at_most=_MOST)
        found = [
            row
            for each in named
            if each["asset_id"] != asset_id
            for row in await views.select(ASSET_BY_ID, _ASSET, (tenant_id, each["asset_id"]))
            if row["status"] == Status.PUBLISHED and _has(row, sha256)
        ]
        oldest = min(found, key=_age, default=None)
        return AssetId(oldest["asset_id"]) if oldest else None

    def _connected(self) -> ViewReader:
        with self._connecting:
            if self._views is None:
                self._views = self._connect()
            return self._views


def _has(row: Row, sha256: Sha256) -> bool:
    original = _READ_ORIGINAL(row["original"] or "null")
    return original is not None and original.sha256 == sha256


def _age(row: Row) -> tuple[int, str]:
    return row["created_at_us"], row["asset_id"]
