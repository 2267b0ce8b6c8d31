"""``scalehoster erase --tenant``: looks, asks, erases, and shows how far it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.output import console, errors, say, show_table
from domain.bulk_operation.values import Filter
from domain.errors import NotFound
from domain.values import CorrelationId, TenantId
from infra.blobs.store import open_blob_store
from infra.cassandra.session import CassandraSession
from infra.encryption import WHOLE_TENANT, KeyringFile, use_keyring
from infra.kafka.client import Kafka
from infra.kafka.producer import RecordProducer
from infra.settings import Settings
from read_models.assets_by_shard.queries import AssetScan
from read_models.dead_letters import DeadLetterQueue
from read_models.view_reader import ViewReader
from streams.erasure.asset_eraser import AssetEraser, ErasureRequest, ErasureScanResult
from streams.erasure.asset_lookup import AssetViewLookup, category_id, caught_up
from streams.erasure.tenant_eraser import (
    TenantBelongings,
    erase_belongings,
    read_belongings,
    remove_tenant_blobs,
)

_INTERRUPTED = 130


class TenantHasNothing(NotFound):
    """There is nothing to erase; the name may be mistyped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseTenantOptions:
    """What an operator typed; without a filter and a host it is the whole tenant."""

    tenant_id: TenantId
    filter: Filter
    source_host: str | None
    is_whole: bool
    is_dry_run: bool
    is_sure: bool
    as_json: bool


def erase_tenant(settings: Settings, typed: EraseTenantOptions) -> None:
    """Do what was typed; asks first unless told that it is sure.

    Raises TenantHasNothing, UnknownCategory, KeysLost, BrokerUnavailable, StoreUnavailable.
    """
    try:
        asyncio.run(_erase(settings, typed))
    except KeyboardInterrupt:
        say("stopped; type the same again to go on")
        raise typer.Exit(_INTERRUPTED) from None


async def _erase(settings: Settings, typed: EraseTenantOptions) -> None:
    kafka = settings.kafka.connection()
    keyring = use_keyring(settings)
    queue = DeadLetterQueue.connect(kafka)
    theirs = read_belongings(kafka, typed.tenant_id, queue) if typed.is_whole else None
    async with _eraser(settings, kafka, typed) as (eraser, sender, correlation_id):
        found = await eraser.find_remaining()
        was_erased_at = _erased_at(keyring, typed.tenant_id)
        if was_erased_at:
            say(f"its key was destroyed at {was_erased_at}")
        elif theirs and not _is_anything(found, theirs):
            raise TenantHasNothing(f"there is nothing of a tenant {typed.tenant_id}")
        _show_scan(typed, found, theirs)
        if typed.is_dry_run:
            return
        confirm_erasure(typed, found)

        async def close() -> None:
            """Do it with what is there now: an operator may have thought for long."""
            await erase_belongings(
                read_belongings(kafka, typed.tenant_id, queue),
                keyring=keyring,
                sender=sender,
                queue=queue,
                now=datetime.now(UTC),
                correlation_id=correlation_id,
            )

        if typed.is_whole:
            await close()
            say("its key is destroyed: nothing that was sealed for it can be read any more")
        asked = await _run(eraser)
        if typed.is_whole:
            await close()  # what was let in a moment before its API keys were revoked
            store = open_blob_store(settings.blobs_url, settings.blobs)
            await remove_tenant_blobs(typed.tenant_id, store)
    row = {
        "tenant": typed.tenant_id,
        "assets erased": asked,
        "tenant erased": _erased_at(keyring, typed.tenant_id),
    }
    show_table([row], as_json=typed.as_json)


@asynccontextmanager
async def _eraser(
    settings: Settings, kafka: Kafka, typed: EraseTenantOptions
) -> AsyncIterator[tuple[AssetEraser, RecordProducer, CorrelationId]]:
    cql = CassandraSession(settings.cassandra, keyspace=settings.cassandra.keyspace)
    try:
        views = ViewReader(cql)
        scan = AssetScan(views)
        category = await category_id(scan, typed.tenant_id, typed.filter.category)
        request = ErasureRequest(
            tenant_id=typed.tenant_id,
            filter=replace(typed.filter, category=category),
            source_host=typed.source_host,
            correlation_id=CorrelationId(str(uuid4())),
        )
        async with RecordProducer(kafka) as sender:
            eraser = AssetEraser(
                request,
                scan,
                AssetViewLookup(views),
                sender,
                lambda: caught_up(kafka, views, _say_what_is_waited_for),
                lambda: datetime.now(UTC),
            )
            yield eraser, sender, request.correlation_id
    finally:
        cql.close()


def _say_what_is_waited_for() -> None:
    say("waiting for the decider and the views; 'scalehoster status' says what runs")


def _is_anything(found: ErasureScanResult, theirs: TenantBelongings) -> bool:
    return bool(found.wanted or found.purged or found.erased or any(theirs.counts.values()))


def _show_scan(
    typed: EraseTenantOptions, found: ErasureScanResult, theirs: TenantBelongings | None
) -> None:
    counts: dict[str, int] = {
        "assets to erase": found.wanted,
        "assets being erased": len(found.purged),
        **(theirs.counts if theirs else {}),
    }
    if typed.as_json and typed.is_dry_run:
        show_table([counts], as_json=True)
    if typed.as_json:
        return
    console.print(", ".join(f"{count} {what}" for what, count in counts.items()), highlight=False)
    rows: list[dict[str, object]] = [
        {"what": "asset", "which": one.asset_id, "more": f"{one.status}, {one.created_at:%F}"}
        for one in found.first
    ]
    if theirs:
        rows += [{"what": "API key", "which": k.key_id, "more": k.name} for k in theirs.keys]
        rows += [
            {"what": "webhook", "which": each.endpoint_id, "more": each.url}
            for each in theirs.endpoints
        ]
    if rows:
        show_table(rows, as_json=False)
    if found.wanted > len(found.first):
        console.print(f"and {found.wanted - len(found.first)} more assets", highlight=False)


def confirm_erasure(typed: EraseTenantOptions, found: ErasureScanResult) -> None:
    """Have the tenant's name typed, unless it is sure already; raises typer.Abort for another."""
    if typed.is_sure:
        return
    what = f"everything of {typed.tenant_id}" if typed.is_whole else f"{found.wanted} assets"
    answer = typer.prompt(f"This erases {what} for good. Type {typed.tenant_id} to go on", err=True)
    if answer != typed.tenant_id:
        raise typer.Abort


async def _run(eraser: AssetEraser) -> int:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=errors) as shown:
        task = shown.add_task("erasing", total=None)

        def on_progress(asked: int, left: int) -> None:
            shown.update(task, description=f"{asked} assets purged, {left} not confirmed yet")

        return await eraser.run(on_progress)


def _erased_at(keyring: KeyringFile, tenant_id: TenantId) -> str:
    """Say when a tenant was erased whole; "" if it was not."""
    whole = (tenant_id, WHOLE_TENANT)
    erasures = keyring.ring().erasures
    moments = [e.erased_at for e in erasures if (e.tenant_id, e.entity_id) == whole]
    return moments[0].isoformat() if moments else ""
