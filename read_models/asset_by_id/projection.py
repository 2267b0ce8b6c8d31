"""View: each asset as it stands, in every state."""

from collections.abc import Iterator, Mapping
from typing import assert_never

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
from domain.values import Source, Status
from infra.cassandra.row_operations import ColumnValue, RowOperation, Table, Upsert
from infra.kafka.topics import ASSET_EVENTS
from read_models.description_columns import (
    BLANK_DESCRIPTION,
    PERSONAL_DESCRIPTION,
    description_columns,
)
from read_models.json_columns import as_json
from read_models.time import microseconds
from read_models.view import View

ASSETS = Table(
    name="asset_by_id",
    partition_key=("tenant_id", "asset_id"),
    personal=(
        ("source_url", ""),
        ("source_file_name", ""),
        *PERSONAL_DESCRIPTION,
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
PURGED_ASSET: Mapping[str, ColumnValue] = {  # what is left tells that it was there
    "status": Status.PURGED,
    **_NO_SOURCE,
    **BLANK_DESCRIPTION,
    **_NO_PICTURE,
    **_NO_FAILURE,
}


def asset_columns(event: AssetEvent) -> dict[str, ColumnValue]:
    """Return the columns of its asset's row that an event sets; it leaves all others alone.

    Time travel folds them too, so what is shown of the past is what was shown then.
    """
    happened_at_us = microseconds(event.metadata.happened_at)
    return {
        **_changed(event, happened_at_us),
        "version": event.metadata.entity_version,
        "updated_at_us": happened_at_us,
    }


def _rows(message: Message) -> Iterator[RowOperation]:
    if isinstance(message, AssetEvent):
        yield Upsert(
            table=ASSETS,
            key=(message.metadata.tenant_id, message.asset_id),
            columns=asset_columns(message),
            written_at_us=microseconds(message.metadata.happened_at),
        )


def _changed(event: AssetEvent, happened_at_us: int) -> dict[str, ColumnValue]:
    match event:
        case AssetSubmitted():
            return {
                **blank_asset(happened_at_us),
                "preset": event.preset,
                "run": event.run,
                "category_ids": event.category_ids,
                **_source(event.source),
                **description_columns(event.description),
            }
        case AssetPublished():
            return {
                "status": Status.PUBLISHED,
                "run": event.run,
                **_picture(event),
                **_NO_FAILURE,
            }
        case AssetConfirmed():
            return {"fetch": as_json(event.fetch), **_NO_FAILURE}
        case AssetDelayed():
            return {**_failure(event), "retry_at_us": microseconds(event.retry_at)}
        case AssetRejected(keeps_published=True):
            return _failure(event)
        case AssetRejected():
            return {"status": Status.REJECTED, **_failure(event)}
        case AssetCategorised():
            return {"category_ids": event.category_ids}
        case AssetDescribed():
            return description_columns(event.description)
        case AssetDeleted():
            return {"status": Status.DELETED}
        case AssetRestored():
            restored: dict[str, ColumnValue] = {"status": event.status, "run": event.run}
            return {**restored, **(_NO_FAILURE if event.starts_run else {})}
        case AssetPurged():
            return dict(PURGED_ASSET)
        case AssetErased():
            return {"erased_at_us": happened_at_us}
        case AssetReprocessingRequested():
            return {"preset": event.preset, "run": event.run, **_NO_FAILURE}
        case AssetRefreshRequested():
            return {"status": event.status, "run": event.run, **_NO_FAILURE}
        case AssetSourceReplaced():
            return {
                "status": event.status,
                "preset": event.preset,
                "run": event.run,
                **_source(event.source),
                **_NO_FAILURE,
            }
        case _:
            assert_never(event)


def blank_asset(created_at_us: int) -> dict[str, ColumnValue]:
    """Return all columns of an asset of which nothing is known but when it was submitted."""
    return {
        **PURGED_ASSET,
        "status": Status.SUBMITTED,
        "created_at_us": created_at_us,
        "erased_at_us": 0,
        "preset": "",
        "run": 0,
        "category_ids": (),
    }


def _source(source: Source) -> dict[str, ColumnValue]:
    return {"source_url": source.url or "", "source_file_name": source.file_name or ""}


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
