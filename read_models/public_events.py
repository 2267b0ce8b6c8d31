"""What a customer is told of an event: by webhook, and in the live feed."""

import json
from datetime import datetime
from typing import Any, assert_never

from domain.asset.description import description_json
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
from domain.failures import is_transient
from domain.values import Listing

_TYPES: dict[type[AssetEvent], str] = {
    AssetSubmitted: "asset.submitted",
    AssetPublished: "asset.published",
    AssetConfirmed: "asset.confirmed",
    AssetRejected: "asset.rejected",
    AssetDelayed: "asset.delayed",
    AssetCategorised: "asset.categorised",
    AssetDescribed: "asset.described",
    AssetDeleted: "asset.deleted",
    AssetRestored: "asset.restored",
    AssetPurged: "asset.purged",
    AssetErased: "asset.erased",
    AssetReprocessingRequested: "asset.reprocessing_requested",
    AssetSourceReplaced: "asset.source_replaced",
    AssetRefreshRequested: "asset.refresh_requested",
}
PUBLIC_EVENT_TYPES: tuple[str, ...] = tuple(_TYPES.values())


def public_event_type(event: AssetEvent) -> str:
    """Name the kind of an event as customers know it."""
    return _TYPES[type(event)]


def public_event_json(event: AssetEvent, public_base_url: str) -> str:
    """Tell an event: its type, when it happened, and what it says about the asset.

    The same event gives the same text. Nothing internal is in it: no keys of blobs, no commands,
    nobody's API key, and no source URL, which may hold a token.
    """
    metadata = event.metadata
    data = {
        "asset_id": event.asset_id,
        "event_id": metadata.event_id,
        "version": metadata.entity_version,
        **_said(event, f"{public_base_url.rstrip('/')}/i/{event.asset_id}"),
    }
    told = {
        "type": public_event_type(event),
        "timestamp": _moment(metadata.happened_at),
        "data": data,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _said(event: AssetEvent, public_url: str) -> dict[str, Any]:
    match event:
        case AssetSubmitted():
            return {"category_ids": event.category_ids, **description_json(event.description)}
        case AssetPublished():
            return {
                "public_url": public_url,
                "category_ids": event.category_ids,
                **_listed(event.listing),
                "sha256": event.original.sha256,
            }
        case AssetRejected():
            return {
                "failure": _failure(event) | {"duplicate_of": event.duplicate_of},
                "public_url": public_url if event.keeps_published else None,
            }
        case AssetDelayed():
            return {"failure": _failure(event) | {"retry_at": _moment(event.retry_at)}}
        case AssetCategorised():
            return {
                "category_ids": event.category_ids,
                "previous_category_ids": event.previous_category_ids,
            }
        case AssetDescribed():
            return description_json(event.description)
        case AssetDeleted() | AssetPurged():
            return {"category_ids": event.category_ids}
        case AssetRestored():
            return {
                "status": event.status,
                "public_url": public_url if event.listing else None,
                "category_ids": event.category_ids,
            }
        case (
            AssetErased()
            | AssetConfirmed()
            | AssetReprocessingRequested()
            | AssetSourceReplaced()
            | AssetRefreshRequested()
        ):
            return {}
        case _:
            assert_never(event)


def _failure(event: AssetRejected | AssetDelayed) -> dict[str, Any]:
    return {
        "code": event.code,
        "detail": event.detail,
        "attempts": event.attempts,
        "is_transient": is_transient(event.code),
    }


def _listed(listing: Listing) -> dict[str, Any]:
    return {
        "title": listing.title,
        "media_type": listing.media_type,
        "width": listing.width,
        "height": listing.height,
        "thumbhash": listing.thumbhash,
        "created_at": _moment(listing.created_at),
    }


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
