"""View: the assets whose pipeline run has not ended, so that stuck ones are found."""

from collections.abc import Iterator
from zlib import crc32

from avro_schemas.codec import Message
from domain.asset.events import (
    AssetConfirmed,
    AssetDeleted,
    AssetEvent,
    AssetPublished,
    AssetRefreshRequested,
    AssetRejected,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
)
from domain.values import AssetId
from infra.cassandra.row_operations import Delete, RowOperation, Table, Upsert
from infra.kafka.topics import ASSET_EVENTS
from read_models.time import microseconds
from read_models.view import View

PENDING_SHARDS = 16
PENDING = Table(name="pending_assets", partition_key=("shard",), clustering=("asset_id",))


def pending_shard(asset_id: AssetId) -> int:
    """Say which partition of the table an asset waits in."""
    return crc32(asset_id.encode()) % PENDING_SHARDS


def _rows(message: Message) -> Iterator[RowOperation]:
    match message:
        case (
            AssetSubmitted()
            | AssetReprocessingRequested()
            | AssetRefreshRequested()
            | AssetSourceReplaced()
        ):
            yield _begun(message, message.run)
        case AssetRestored(starts_run=True):
            yield _begun(message, message.run)
        case AssetPublished() | AssetConfirmed() | AssetRejected() | AssetDeleted():
            yield Delete(
                table=PENDING,
                key=(pending_shard(message.asset_id), message.asset_id),
                written_at_us=microseconds(message.metadata.happened_at),
            )


def _begun(event: AssetEvent, run: int) -> Upsert:
    asked_at_us = microseconds(event.metadata.happened_at)
    return Upsert(
        table=PENDING,
        key=(pending_shard(event.asset_id), event.asset_id),
        columns={
            "tenant_id": event.metadata.tenant_id,
            "submitted_at_us": asked_at_us,
            "run": run,
        },
        written_at_us=asked_at_us,
    )


PENDING_ASSETS = View(name="pending_assets", topic=ASSET_EVENTS, tables=(PENDING,), rows=_rows)
