"""View: what a public URL, which names no tenant, needs to know of an asset."""

from collections.abc import Iterator

from avro_schemas.codec import Message
from domain.asset.events import (
    AssetDeleted,
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
from read_models.json_columns import as_json
from read_models.time import microseconds
from read_models.view import View

PUBLIC = Table(name="public_assets", partition_key=("asset_id",))

_NO_RENDITIONS: dict[str, ColumnValue] = {"renditions": "[]"}
_NOWHERE: dict[str, ColumnValue] = {"leads_to": ""}


def _rows(message: Message) -> Iterator[RowOperation]:
    match message:
        case AssetSubmitted():
            owner: dict[str, ColumnValue] = {"tenant_id": message.metadata.tenant_id}
            yield _changed(message, Status.SUBMITTED, {**owner, **_NO_RENDITIONS, **_NOWHERE})
        case AssetPublished():
            yield _changed(message, Status.PUBLISHED, {"renditions": as_json(message.renditions)})
        case AssetRejected(keeps_published=False):
            other = message.duplicate_of if message.leads_there else None
            yield _changed(message, Status.REJECTED, {"leads_to": other or ""})
        case AssetDeleted():
            yield _changed(message, Status.DELETED)
        case (
            AssetRestored(status=status)
            | AssetSourceReplaced(status=status)
            | AssetRefreshRequested(status=status)
        ):
            yield _changed(message, status)
        case AssetPurged():
            yield _changed(message, Status.PURGED, {**_NO_RENDITIONS, **_NOWHERE})


def _changed(
    event: AssetEvent, status: Status, columns: dict[str, ColumnValue] | None = None
) -> Upsert:
    return Upsert(
        table=PUBLIC,
        key=(event.asset_id,),
        columns={"status": status, **(columns or {})},
        written_at_us=microseconds(event.metadata.happened_at),
    )


PUBLIC_ASSETS = View(name="public_assets", topic=ASSET_EVENTS, tables=(PUBLIC,), rows=_rows)
