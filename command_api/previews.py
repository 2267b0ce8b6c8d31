"""Dry runs: which assets an operation would change, without a trace in the log."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Literal, Protocol

from pydantic import BaseModel

from domain.bulk import Filter, Instructions
from domain.errors import UnknownCategory
from domain.operation.selecting import Candidate, WouldChange, matches, would_change
from domain.values import AssetId, CategoryId, CategoryRef, TenantId

_SHOWN = 100


class Walk(Protocol):
    """Where assets are looked up: infra.candidates.Candidates."""

    def walk(self, tenant_id: TenantId) -> AsyncIterator[Candidate]:
        """Visit all of a tenant's assets."""

    def named(self, tenant_id: TenantId, asset_ids: Sequence[AssetId]) -> AsyncIterator[Candidate]:
        """Visit these assets; one that is not there is passed over."""

    async def categories(self, tenant_id: TenantId) -> dict[str, CategoryId]:
        """Name all categories by their slugs, and by their ids."""


class WouldChangeAnswer(BaseModel):
    """An asset that would change: the field, as it is and as it would be."""

    asset_id: str
    field: str
    before: str | tuple[str, ...]
    after: str | tuple[str, ...]


class PreviewAnswer(BaseModel):
    """What an operation would do, and what it would cost; `items` are the first of `count`."""

    dry_run: Literal[True] = True
    matched: int
    count: int
    original_bytes: int
    seconds_at_rate: int
    items: list[WouldChangeAnswer]


class Previews:
    """Looks at the views, which may be a moment behind: the operation itself decides anew.

    ``open_walk`` connects; it is called when first needed, so that the command API works without
    the view store. Raises UnknownCategory, StoreUnavailable, ViewsMissing, ViewNotBuilt.
    """

    def __init__(self, open_walk: Callable[[], Walk]) -> None:
        self._open_walk = open_walk
        self._walk: Walk | None = None
        self._opening = asyncio.Lock()

    async def preview(
        self, tenant_id: TenantId, wanted: Filter, instructions: Instructions, per_second: int
    ) -> PreviewAnswer:
        """Go through all assets that the filter may mean, and show the first that would change."""
        walk = await self._opened()
        ids = await walk.categories(tenant_id)
        slugs = {category_id: slug for slug, category_id in ids.items() if slug != category_id}
        wanted = replace(wanted, category=wanted.category and _id_of(wanted.category, ids))
        asked = _by_id(instructions, ids)
        answer = PreviewAnswer(matched=0, count=0, original_bytes=0, seconds_at_rate=0, items=[])
        candidates = (
            walk.named(tenant_id, wanted.asset_ids) if wanted.asset_ids else walk.walk(tenant_id)
        )
        async for candidate in candidates:
            if not matches(wanted, candidate):
                continue
            answer.matched += 1
            change = would_change(asked, candidate, opened=instructions.slug or "")
            if change is None:
                continue
            answer.count += 1
            answer.original_bytes += candidate.original_bytes
            if len(answer.items) < _SHOWN:
                answer.items.append(_shown(candidate, change, slugs))
        answer.seconds_at_rate = math.ceil(answer.count / per_second)
        return answer

    async def _opened(self) -> Walk:
        async with self._opening:
            if self._walk is None:
                self._walk = await asyncio.to_thread(self._open_walk)
        return self._walk


def _by_id(wanted: Instructions, ids: dict[str, CategoryId]) -> Instructions:
    if wanted.parent is not None:
        _id_of(wanted.parent, ids)
    return replace(
        wanted,
        categories=tuple(_id_of(ref, ids) for ref in wanted.categories),
        add=tuple(_id_of(ref, ids) for ref in wanted.add),
        remove=tuple(_id_of(ref, ids) for ref in wanted.remove),
    )


def _id_of(ref: CategoryRef, ids: dict[str, CategoryId]) -> CategoryRef:
    found = ids.get(ref)
    if found is None:
        raise UnknownCategory(f"no category {ref}", {"categories": ref})
    return CategoryRef(found)


def _shown(
    candidate: Candidate, change: WouldChange, slugs: dict[CategoryId, str]
) -> WouldChangeAnswer:
    def readable(value: str | Sequence[str]) -> str | tuple[str, ...]:
        if isinstance(value, str):
            return value
        return tuple(slugs.get(CategoryId(one), one) for one in value)

    return WouldChangeAnswer(
        asset_id=candidate.asset_id,
        field=change.field,
        before=readable(change.before),
        after=readable(change.after),
    )
