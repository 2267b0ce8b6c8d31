"""Dry runs: what an operation would do to each asset, without a trace in the log."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from command_api.responses.preview_responses import PreviewAnswer, WouldChangeAnswer
from domain.bulk_operation.commands import StartOperation
from domain.bulk_operation.preview import ItemPreview, OperationPreview, PreviewedChange
from domain.bulk_operation.selection import Candidate, matches
from domain.category import Catalogue
from domain.values import AssetId, CategoryId, TenantId
from infra.http.problems import problem_name
from infra.http.tenant_slots import TenantSlots

_SHOWN = 100
_MOST_AT_ONCE = 8  # each reads all that a tenant has
_QUEUE_SECONDS = 5.0


class PreviewAssets(Protocol):
    """Where assets are looked up: read_models.assets_by_shard.queries.AssetScan."""

    def scan(self, tenant_id: TenantId) -> AsyncIterator[Candidate]:
        """Visit all of a tenant's assets."""

    def named(self, tenant_id: TenantId, asset_ids: Sequence[AssetId]) -> AsyncIterator[Candidate]:
        """Visit these assets; one that is not there is passed over."""

    async def catalogue(self, tenant_id: TenantId) -> Catalogue:
        """Give a tenant's category tree."""


class OperationPreviews:
    """Decides by the rules of the decider on what the views show, which may be a moment old.

    ``open_preview_assets`` connects; it is called when first needed, so that the command API works
    without the view store. Raises the Refusal that beginning the operation would, StoreUnavailable,
    ViewsMissing, ViewNotBuilt.
    """

    def __init__(self, open_preview_assets: Callable[[], PreviewAssets]) -> None:
        self._open_preview_assets = open_preview_assets
        self._preview_assets: PreviewAssets | None = None
        self._opening = asyncio.Lock()
        self._places = TenantSlots(_MOST_AT_ONCE, "dry runs", wait_seconds=_QUEUE_SECONDS)

    async def preview(self, command: StartOperation) -> PreviewAnswer:
        """Go through all assets that the operation is about, and show the first that would change.

        Assets that are named are all dealt with, whatever their state, as the operation does.
        Raises Overloaded when others, or others of the same tenant, take all the places for it.
        """
        async with self._places.wait_for_slot(command.metadata.tenant_id):
            return await self._shown(command)

    async def _shown(self, command: StartOperation) -> PreviewAnswer:
        scan = await self._opened()
        metadata = command.metadata
        catalogue = await scan.catalogue(metadata.tenant_id)
        preview = OperationPreview(command, catalogue, metadata.issued_at)
        answer = PreviewAnswer()
        async for asset_id, candidate in _assets(scan, metadata.tenant_id, preview):
            answer.matched += 1
            if preview.opened_category is None or not preview.opened_category.code:
                expected = preview.expected(asset_id, candidate)
                _count(answer, expected, candidate)
                if expected.change and len(answer.items) < _SHOWN:
                    shown = _shown(asset_id, expected.change, preview.catalogue)
                    answer.items.append(shown)
        category = preview.opened_category or preview.archived_category()
        if category and category.code:
            answer.category_problem = problem_name(category.code)
        answer.seconds_at_rate = math.ceil(answer.matched / command.per_second)
        return answer

    async def _opened(self) -> PreviewAssets:
        async with self._opening:
            if self._preview_assets is None:
                self._preview_assets = await asyncio.to_thread(self._open_preview_assets)
        return self._preview_assets


async def _assets(
    scan: PreviewAssets, tenant_id: TenantId, preview: OperationPreview
) -> AsyncIterator[tuple[AssetId, Candidate | None]]:
    named = preview.filter.asset_ids
    if named:
        found = {each.asset_id: each async for each in scan.named(tenant_id, named)}
        for asset_id in named:
            yield asset_id, found.get(asset_id)
        return
    async for candidate in scan.scan(tenant_id):
        if matches(preview.filter, candidate):
            yield candidate.asset_id, candidate


def _count(answer: PreviewAnswer, expected: ItemPreview, candidate: Candidate | None) -> None:
    if expected.code:
        problem = problem_name(expected.code)
        answer.refused[problem] = answer.refused.get(problem, 0) + 1
    elif expected.is_changed:
        answer.count += 1
        answer.original_bytes += candidate.original_bytes if candidate else 0
    else:
        answer.unchanged += 1


def _shown(asset_id: AssetId, change: PreviewedChange, catalogue: Catalogue) -> WouldChangeAnswer:
    def readable(value: str | Sequence[str]) -> str | tuple[str, ...]:
        if isinstance(value, str):
            return value
        if change.field != "categories":
            return tuple(value)
        known = (catalogue.categories.get(CategoryId(one)) for one in value)
        return tuple(
            one if category is None else category.slug
            for one, category in zip(value, known, strict=True)
        )

    return WouldChangeAnswer(
        asset_id=asset_id,
        field=change.field,
        before=readable(change.before),
        after=readable(change.after),
    )
