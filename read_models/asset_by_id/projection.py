"""View: each asset as it stands, in every state."""

from collections.abc import Iterator

from avro_schemas.codec import Message
from domain.asset.events import (
    AssetCategorised,
    AssetConfirmed,
    AssetDelayed,
    AssetDeleted,
    AssetDescribed,
    AssetErased,
    AssetEvent,
    AssetPublished,
    AssetPurged,
    AssetRefreshRequested,
    AssetRejected,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
)
from domain.values import Description, Source, Status
from infra.cassandra.row_operations import ColumnValue, RowOperation, Table, Upsert
from infra.kafka.topics import ASSET_EVENTS
from read_models.json_columns import as_json
from read_models.time import microseconds
from read_models.view import View

ASSETS = Table(
    name="asset_by_id",
    partition_key=("tenant_id", "asset_id"),
    personal=(
        ("source_url", ""),
        ("source_file_name", ""),
        ("title", ""),
        ("alt_text", ""),
        ("tags", ()),
        ("metadata", "{}"),
        ("failure_detail", ""),
        ("facts", "null"),
        ("fetch", "null"),
        ("thumbhash", ""),
    ),
    entity="asset_id",
)

_NO_FAILURE: dict[str, ColumnValue] = {
    "failure_code": "",
    "failure_detail": "",
    "failure_attempts": 0,
    "failure_duplicate_of": "",
    "retry_at_us": 0,
}
_NO_SOURCE: dict[str, ColumnValue] = {"source_url": "", "source_file_name": ""}
_NO_DESCRIPTION: dict[str, ColumnValue] = {
    "title": "",
    "alt_text": "",
    "tags": (),
    "metadata": "{}",
    "focal_point": "null",
}
_NO_PICTURE: dict[str, ColumnValue] = {
    "original": "null",
    "renditions": "[]",
    "facts": "null",
    "fetch": "null",
    "pipeline_version": 0,
    "watermark": "",
    "media_type": "",
    "width": 0,
    "height": 0,
    "thumbhash": "",
    "dominant_colour": "",
    "thumbnail_sha256": "",
}


def _rows(message: Message) -> Iterator[RowOperation]:
    match message:
        case AssetSubmitted():
            yield _changed(
                message,
                {
                    "status": Status.SUBMITTED,
                    "created_at_us": microseconds(message.metadata.happened_at),
                    "erased_at_us": 0,
                    "preset": message.preset,
                    "run": message.run,
                    "category_ids": message.category_ids,
                    **_source(message.source),
                    **_description(message.description),
                    **_NO_FAILURE,
                    **_NO_PICTURE,
                },
            )
        case AssetPublished():
            yield _changed(
                message,
                {
                    "status": Status.PUBLISHED,
                    "run": message.run,
                    **_picture(message),
                    **_NO_FAILURE,
                },
            )
        case AssetConfirmed():
            yield _changed(message, {"fetch": as_json(message.fetch), **_NO_FAILURE})
        case AssetDelayed():
            retry_at_us = microseconds(message.retry_at)
            yield _changed(message, {**_failure(message), "retry_at_us": retry_at_us})
        case AssetRejected(keeps_published=True):
            yield _changed(message, _failure(message))
        case AssetRejected():
            yield _changed(message, {"status": Status.REJECTED, **_failure(message)})
        case AssetCategorised():
            yield _changed(message, {"category_ids": message.category_ids})
        case AssetDescribed():
            yield _changed(message, _description(message.description))
        case AssetDeleted():
            yield _changed(message, {"status": Status.DELETED})
        case AssetRestored():
            restored: dict[str, ColumnValue] = {"status": message.status, "run": message.run}
            yield _changed(message, {**restored, **(_NO_FAILURE if message.starts_run else {})})
        case AssetPurged():  # what is left tells that it was there
            blank = {**_NO_SOURCE, **_NO_DESCRIPTION, **_NO_PICTURE, **_NO_FAILURE}
            yield _changed(message, {"status": Status.PURGED, **blank})
        case AssetErased():
            erased_at_us = microseconds(message.metadata.happened_at)
            yield _changed(message, {"erased_at_us": erased_at_us})
        case AssetReprocessingRequested():
            asked: dict[str, ColumnValue] = {"preset": message.preset, "run": message.run}
            yield _changed(message, {**asked, **_NO_FAILURE})
        case AssetRefreshRequested():
            tried: dict[str, ColumnValue] = {"status": message.status, "run": message.run}
            yield _changed(message, {**tried, **_NO_FAILURE})
        case AssetSourceReplaced():
            yield _changed(
                message,
                {
                    "status": message.status,
                    "preset": message.preset,
                    "run": message.run,
                    **_source(message.source),
                    **_NO_FAILURE,
                },
            )


def _changed(event: AssetEvent, columns: dict[str, ColumnValue]) -> Upsert:
    happened_at_us = microseconds(event.metadata.happened_at)
    return Upsert(
        table=ASSETS,
        key=(event.metadata.tenant_id, event.asset_id),
        columns={
            **columns,
            "version": event.metadata.entity_version,
            "updated_at_us": happened_at_us,
        },
        written_at_us=happened_at_us,
    )


def _source(source: Source) -> dict[str, ColumnValue]:
    return {"source_url": source.url or "", "source_file_name": source.file_name or ""}


def _description(description: Description) -> dict[str, ColumnValue]:
    return {
        "title": description.title,
        "alt_text": description.alt_text,
        "tags": description.tags,
        "metadata": description.metadata,
        "focal_point": as_json(description.focal_point),
    }


def _picture(event: AssetPublished) -> dict[str, ColumnValue]:
    return {
        "original": as_json(event.original),
        "renditions": as_json(event.renditions),
        "facts": as_json(event.facts),
        "fetch": as_json(event.fetch),
        "pipeline_version": event.pipeline_version,
        "watermark": event.watermark or "",
        "media_type": event.listing.media_type,
        "width": event.listing.width,
        "height": event.listing.height,
        "thumbhash": event.listing.thumbhash,
        "dominant_colour": event.listing.dominant_colour,
        "thumbnail_sha256": event.listing.thumbnail_sha256,
    }


def _failure(event: AssetRejected | AssetDelayed) -> dict[str, ColumnValue]:
    duplicate_of = event.duplicate_of if isinstance(event, AssetRejected) else None
    return {
        **_NO_FAILURE,
        "failure_code": event.code,
        "failure_detail": event.detail,
        "failure_attempts": event.attempts,
        "failure_duplicate_of": duplicate_of or "",
    }


ASSET_BY_ID = View(name="asset_by_id", topic=ASSET_EVENTS, tables=(ASSETS,), rows=_rows)
