"""View: every asset of a tenant in any state, with what bulk operations choose by."""

from collections.abc import Iterator

from avro_schemas.codec import Message
from domain.asset.events import (
    AssetCategorised,
    AssetDeleted,
    AssetDescribed,
    AssetEvent,
    AssetPublished,
    AssetPurged,
    AssetRefreshRequested,
    AssetRejected,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
)
from domain.values import Status
from infra.cassandra.row_operations import ColumnValue, RowOperation, Table, Upsert
from infra.kafka.topics import ASSET_EVENTS
from read_models.sharding import shard_of
from read_models.time import microseconds
from read_models.view import View

ASSETS = Table(
    name="assets_by_shard",
    partition_key=("tenant_id", "shard"),
    clustering=("asset_id",),
    personal=(("tags", ()),),
    entity="asset_id",
)


def _rows(message: Message) -> Iterator[RowOperation]:
    match message:
        case AssetSubmitted():
            yield _changed(
                message,
                {
                    "status": Status.SUBMITTED,
                    "created_at_us": microseconds(message.metadata.happened_at),
                    "category_ids": message.category_ids,
                    "tags": message.description.tags,
                    "pipeline_version": 0,
                    "original_bytes": 0,
                    "has_url": message.source.url is not None,
                },
            )
        case AssetPublished():
            yield _changed(
                message,
                {
                    "status": Status.PUBLISHED,
                    "pipeline_version": message.pipeline_version,
                    "original_bytes": message.original.size_bytes,
                },
            )
        case AssetRejected(keeps_published=False):
            yield _changed(message, {"status": Status.REJECTED})
        case AssetCategorised():
            yield _changed(message, {"category_ids": message.category_ids})
        case AssetDescribed():
            yield _changed(message, {"tags": message.description.tags})
        case AssetDeleted():
            yield _changed(message, {"status": Status.DELETED})
        case AssetSourceReplaced():
            has_url = message.source.url is not None
            yield _changed(message, {"status": message.status, "has_url": has_url})
        case AssetRestored(status=status) | AssetRefreshRequested(status=status):
            yield _changed(message, {"status": status})
        case AssetPurged():
            yield _changed(message, {"status": Status.PURGED, "tags": (), "has_url": False})


def _changed(event: AssetEvent, columns: dict[str, ColumnValue]) -> Upsert:
    return Upsert(
        table=ASSETS,
        key=(event.metadata.tenant_id, shard_of(event.asset_id), event.asset_id),
        columns=columns,
        written_at_us=microseconds(event.metadata.happened_at),
    )


ASSETS_BY_SHARD = View(
    name="assets_by_shard", topic=ASSET_EVENTS, tables=(ASSETS,), rows=_rows, is_queried=False
)
