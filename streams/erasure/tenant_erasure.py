"""The erasure of a whole tenant or of some of its assets: previewed first, then carried out."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from domain.errors import NotFound, UnknownCategory
from domain.values import CategoryRef, TenantId
from infra.blobs.store import BlobStore, open_blob_store
from infra.cassandra.session import CassandraSession
from infra.encryption import KeyringFile, use_keyring
from infra.kafka.producer import RecordProducer, RecordSender
from infra.settings import Settings
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.assets_by_shard.projection import ASSETS_BY_SHARD
from read_models.assets_by_shard.queries import AssetScan
from read_models.dead_letters import DeadLetterQueue
from read_models.view_reader import ViewReader
from streams.bulk_operations.view_barrier import ViewBarrier
from streams.erasure.asset_eraser import (
    AssetEraser,
    ErasureRequest,
    ErasureScanResult,
    OnProgress,
)
from streams.erasure.asset_lookup import AssetViewLookup
from streams.erasure.tenant_belongings import (
    TenantBelongings,
    erase_belongings,
    read_belongings,
    remove_tenant_blobs,
)


class TenantHasNothing(NotFound):
    """There is nothing to erase; the name may be mistyped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasurePreview:
    """What an erasure is about; ``belongings`` are None unless it is of the whole tenant.

    ``erased_at`` is when the tenant's key was destroyed before, if it was.
    """

    assets: ErasureScanResult
    belongings: TenantBelongings | None
    erased_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantErasure:
    """Erases what a request names; interrupted anywhere and begun again it goes on."""

    request: ErasureRequest
    assets: AssetEraser
    read_belongings: Callable[[], TenantBelongings]
    keyring: KeyringFile
    sender: RecordSender
    queue: DeadLetterQueue
    open_store: Callable[[], BlobStore]

    async def preview(self) -> ErasurePreview:
        """Count, and change nothing; raises TenantHasNothing for a whole tenant without anything.

        Also raises KeysLost, BrokerUnavailable, and what AssetEraser raises.
        """
        theirs = self.read_belongings() if self.request.is_whole else None
        found = await self.assets.find_remaining()
        erased_at = self.erased_at()
        has_assets = found.wanted or found.purged or found.erased
        if theirs and not (erased_at or has_assets or any(theirs.counts.values())):
            raise TenantHasNothing(f"there is nothing of a tenant {self.request.tenant_id}")
        return ErasurePreview(assets=found, belongings=theirs, erased_at=erased_at)

    async def run(
        self,
        on_key_destroyed: Callable[[], None],
        bar: Callable[[], AbstractContextManager[OnProgress]],
    ) -> int:
        """Erase, wait until the log confirms each asset, and count the assets purged now.

        Raises KeysLost, OSError, Overloaded, and what AssetEraser raises.
        """
        is_whole = self.request.is_whole
        if is_whole:
            await self._erase_belongings()
            on_key_destroyed()
        with bar() as on_progress:
            purged = await self.assets.run(on_progress)
        if is_whole:
            await self._erase_belongings()  # let in just before its API keys were revoked
            await remove_tenant_blobs(self.request.tenant_id, self.open_store())
        return purged

    def erased_at(self) -> datetime | None:
        """Return the time at which the tenant's key was destroyed, if it was; raises KeysLost."""
        return self.keyring.ring().erased_at(self.request.tenant_id)

    async def _erase_belongings(self) -> None:
        """Read them anew: an operator may have thought for long about the preview."""
        await erase_belongings(
            self.read_belongings(),
            keyring=self.keyring,
            sender=self.sender,
            queue=self.queue,
            now=datetime.now(UTC),
            correlation_id=self.request.correlation_id,
        )


@asynccontextmanager
async def open_tenant_erasure(
    settings: Settings, request: ErasureRequest, on_silence: Callable[[], None]
) -> AsyncIterator[TenantErasure]:
    """Connect an erasure with an installation; ``request`` may name its category by any reference.

    ``on_silence`` is called when the decider or the views keep it waiting. Raises UnknownCategory,
    KeysLost, BrokerUnavailable, StoreUnavailable, ViewsMissing, ViewNotBuilt.
    """
    kafka, keyring = settings.kafka.connection(), use_keyring(settings)
    queue = DeadLetterQueue.connect(kafka)
    cql = CassandraSession(settings.cassandra, keyspace=settings.cassandra.keyspace)
    try:
        views = ViewReader(cql)
        scan = AssetScan(views)

        async def caught_up() -> None:
            for view in (ASSETS_BY_SHARD, ASSET_BY_ID):
                await ViewBarrier(kafka, views, view).wait(on_silence)

        category = await _category_id(scan, request.tenant_id, request.filter.category)
        request = replace(request, filter=replace(request.filter, category=category))
        async with RecordProducer(kafka) as sender:
            yield TenantErasure(
                request=request,
                assets=AssetEraser(
                    request,
                    scan,
                    AssetViewLookup(views),
                    sender,
                    caught_up,
                    lambda: datetime.now(UTC),
                ),
                read_belongings=partial(read_belongings, kafka, request.tenant_id, queue),
                keyring=keyring,
                sender=sender,
                queue=queue,
                open_store=lambda: open_blob_store(settings.blobs_url, settings.blobs),
            )
    finally:
        cql.close()


async def _category_id(
    scan: AssetScan, tenant_id: TenantId, typed: CategoryRef | None
) -> CategoryRef | None:
    if typed is None:
        return None
    found = (await scan.catalogue(tenant_id)).find(typed)
    if found is None:
        raise UnknownCategory(f"{tenant_id} has no category {typed}", {"categories": typed})
    return CategoryRef(found.category_id)
