"""Assets that have the same bytes, as the views show them: a hint, a moment old."""

import asyncio
from collections.abc import Callable
from threading import Lock
from typing import Protocol

from domain.values import AssetId, Sha256, TenantId
from read_models.assets_by_content.queries import exact_duplicates
from read_models.view_reader import ViewReader


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
    """Finds duplicates in the views; connects when it is first asked, which most jobs never do."""

    def __init__(self, connect: Callable[[], ViewReader]) -> None:
        self._connect = connect
        self._connecting = Lock()
        self._views: ViewReader | None = None

    async def of(self, asset_id: AssetId, tenant_id: TenantId, sha256: Sha256) -> AssetId | None:
        """Name the oldest other published asset of the tenant."""
        views = await asyncio.to_thread(self._connected)
        found = await exact_duplicates(views, tenant_id, asset_id, sha256, with_description=False)
        return AssetId(found[0]["asset_id"]) if found else None

    def _connected(self) -> ViewReader:
        with self._connecting:
            if self._views is None:
                self._views = self._connect()
            return self._views
