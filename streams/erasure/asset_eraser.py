"""Erases many assets of a tenant, in batches, until the log confirms each of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from avro_schemas.codec import encode
from domain.asset.commands import DeleteAsset, PurgeAsset
from domain.bulk_operation.selection import Candidate, matches
from domain.bulk_operation.values import Filter
from domain.commands import CommandMetadata
from domain.values import Actor, AssetId, CommandId, CorrelationId, Status, TenantId
from infra.kafka.producer import RecordSender
from infra.kafka.topics import ASSET_COMMANDS

_ERASER = Actor("system:eraser")
_BATCH_SIZE = 500
_CONCURRENT_LOOKUPS = 100
_POLL_SECONDS = 1.0
_SHOWN = 20


class TenantAssets(Protocol):
    """All assets of a tenant: read_models.assets_by_shard.queries.AssetScan, or a fake of it."""

    def scan(self, tenant_id: TenantId, /) -> AsyncIterator[Candidate]:
        """Visit all of a tenant's assets."""


class AssetLookup(Protocol):
    """Facts about single assets: streams.erasure.asset_lookup.AssetViewLookup, or a fake of it."""

    async def source_url(self, tenant_id: TenantId, asset_id: AssetId) -> str:
        """Return the URL that an asset was downloaded from; "" for an upload."""

    async def is_erased(self, tenant_id: TenantId, asset_id: AssetId) -> bool:
        """Return True if the log confirms that nothing personal is left of an asset."""


def _new_correlation_id() -> CorrelationId:
    return CorrelationId(str(uuid4()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRequest:
    """The assets to erase: those that match the filter and, if one is named, the source host.

    ``is_whole`` says that these are all, and that whatever else the tenant has is erased as well.
    ``correlation_id`` is in all events that follow, so that the log tells what was one erasure.
    """

    tenant_id: TenantId
    filter: Filter
    source_host: str | None
    is_whole: bool
    correlation_id: CorrelationId = field(default_factory=_new_correlation_id)


@dataclass(slots=True, kw_only=True)
class ErasureScanResult:
    """What a scan found: assets to erase and the first of them, purged ones, erased ones.

    What is purged is not erased before the log confirms it.
    """

    wanted: int = 0
    first: list[Candidate]
    purged: list[AssetId]
    erased: int = 0


OnProgress = Callable[[int, int], None]  # assets asked for now, assets that are not confirmed


class AssetEraser:
    """Deletes and purges what a request names, and waits until each purged asset is confirmed.

    ``caught_up`` returns once the scan shows all that was sent before. The commands of a batch are
    decided before the next are sent, so customers' own wait behind few. Nothing is kept: begun
    again, it finds what is left. All methods raise BrokerUnavailable, StoreUnavailable,
    ViewsMissing, ViewNotBuilt, KeysLost.
    """

    def __init__(
        self,
        request: ErasureRequest,
        scan: TenantAssets,
        facts: AssetLookup,
        sender: RecordSender,
        caught_up: Callable[[], Awaitable[None]],
        now: Callable[[], datetime],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._request = request
        self._scan = scan
        self._facts = facts
        self._sender = sender
        self._caught_up = caught_up
        self._now = now
        self._pause = pause

    async def find_remaining(self) -> ErasureScanResult:
        """Count, and change nothing."""
        await self._caught_up()
        found = ErasureScanResult(first=[], purged=[])
        purged: list[AssetId] = []
        async for candidate in self._scan.scan(self._request.tenant_id):
            if candidate.status is Status.PURGED:
                purged.append(candidate.asset_id)
            elif await self._is_wanted(candidate):
                found.wanted += 1
                found.first += [candidate][: _SHOWN - len(found.first)]
        found.purged = await self._unconfirmed(purged)
        found.erased = len(purged) - len(found.purged)
        return found

    async def run(self, on_progress: OnProgress) -> int:
        """Erase all that is found, until a scan finds nothing left; count what was purged now."""
        asked = 0
        while True:
            async for count in self._purge_all():
                asked += count
                on_progress(asked, asked)
            found = await self.find_remaining()
            left = found.purged
            if not found.wanted and not left:
                on_progress(asked, 0)
                return asked
            while left:
                on_progress(asked, len(left))
                left = await self._unconfirmed(left)
                if left:
                    await self._pause(_POLL_SECONDS)

    async def _purge_all(self) -> AsyncIterator[int]:
        await self._caught_up()
        chosen: list[AssetId] = []
        async for candidate in self._scan.scan(self._request.tenant_id):
            if candidate.status is not Status.PURGED and await self._is_wanted(candidate):
                chosen.append(candidate.asset_id)
            if len(chosen) == _BATCH_SIZE:
                yield await self._purge(chosen)
                chosen = []
        if chosen:
            yield await self._purge(chosen)

    async def _purge(self, chosen: Sequence[AssetId]) -> int:
        await asyncio.gather(*map(self._ask, chosen))
        await self._caught_up()
        return len(chosen)

    async def _ask(self, asset_id: AssetId) -> None:
        for kind in (DeleteAsset, PurgeAsset):  # the second after the first, which it needs
            metadata = CommandMetadata.from_system(
                _ERASER,
                CommandId(str(uuid4())),  # sent again it changes nothing, by the asset's status
                tenant_id=self._request.tenant_id,
                entity_id=asset_id,
                correlation_id=self._request.correlation_id,
                now=self._now(),
            )
            await self._sender.send(ASSET_COMMANDS, asset_id, encode(kind(metadata=metadata)))

    async def _is_wanted(self, candidate: Candidate) -> bool:
        if not matches(self._request.filter, candidate):
            return False
        if self._request.source_host is None:
            return True
        url = await self._facts.source_url(self._request.tenant_id, candidate.asset_id)
        return _host(url) == self._request.source_host

    async def _unconfirmed(self, purged: Sequence[AssetId]) -> list[AssetId]:
        left: list[AssetId] = []
        for start in range(0, len(purged), _CONCURRENT_LOOKUPS):
            some = purged[start : start + _CONCURRENT_LOOKUPS]
            erased = await asyncio.gather(
                *(self._facts.is_erased(self._request.tenant_id, one) for one in some)
            )
            left += [one for one, is_erased in zip(some, erased, strict=True) if not is_erased]
        return left


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
