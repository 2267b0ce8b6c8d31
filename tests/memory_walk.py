"""Assets to choose from, in memory."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from domain.operation.selecting import Candidate
from domain.values import AssetId, CategoryId, TenantId


@dataclass
class MemoryWalk:
    """Every tenant has these assets and categories."""

    candidates: list[Candidate] = field(default_factory=list)
    ids: dict[str, CategoryId] = field(default_factory=dict)

    async def walk(self, tenant_id: TenantId) -> AsyncIterator[Candidate]:
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

    async def categories(self, tenant_id: TenantId) -> dict[str, CategoryId]:
        """Name the categories by slug and id."""
        return self.ids | {category_id: category_id for category_id in self.ids.values()}
