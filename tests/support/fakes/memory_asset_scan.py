"""Assets to choose from, in memory."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from domain.bulk_operation.selection import Candidate
from domain.category import EMPTY_CATALOGUE, Catalogue
from domain.values import AssetId, TenantId


@dataclass
class MemoryWalk:
    """Every tenant has these assets and this category tree."""

    candidates: list[Candidate] = field(default_factory=list)
    tree: Catalogue = EMPTY_CATALOGUE

    async def scan(self, tenant_id: TenantId) -> AsyncIterator[Candidate]:
        """Visit all of them."""
        for candidate in self.candidates:
            yield candidate

    async def named(
        self, tenant_id: TenantId, asset_ids: Sequence[AssetId]
    ) -> AsyncIterator[Candidate]:
        """Visit these of them."""
        for candidate in self.candidates:
            if candidate.asset_id in asset_ids:
                yield candidate

    async def catalogue(self, tenant_id: TenantId) -> Catalogue:
        """Give the category tree."""
        return self.tree
