"""An asset as it was: its history folded up to a version or a moment.

What comes of it has the shape of a row of the view ``asset_by_id``. Events are read by the names of
their parts, so that one of an older shape can be read as well.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from domain.errors import AssetNotFound
from domain.values import AssetId, Status
from infra.cassandra.session import Row
from query_api.errors import AssetGone
from query_api.parameters import AssetAsOfParameters
from read_models.time import microseconds

_Event = dict[str, msgspec.Raw]

_READ = msgspec.json.Decoder(_Event).decode
_NO_FAILURE: Row = {
    "failure_code": "",
    "failure_detail": "",
    "failure_attempts": 0,
    "failure_duplicate_of": "",
    "retry_at_us": 0,
}
_TEXTS: Row = {"title": "", "alt_text": "", "tags": [], "metadata": "{}"}
_NO_DESCRIPTION: Row = {**_TEXTS, "focal_point": "null"}
_NO_SOURCE: Row = {"source_url": "", "source_file_name": ""}
_SHOWN = ("media_type", "width", "height", "thumbhash", "dominant_colour", "thumbnail_sha256")
_NO_PICTURE: Row = {
    **dict.fromkeys(("original", "facts", "fetch"), "null"),
    **dict.fromkeys(_SHOWN),
    "renditions": "[]",
    "pipeline_version": 0,
    "watermark": "",
}
_ERASED = "null"
_GONE = ("AssetPurged", "AssetErased")
_FAILURE = ("code", "detail", "attempts")
_BLANK: Row = {**_NO_SOURCE, **_NO_DESCRIPTION, **_NO_PICTURE, **_NO_FAILURE}


def asset_as_of(history: Sequence[Row], asset_id: AssetId, asked: AssetAsOfParameters) -> Row:
    """Fold all that had happened by then.

    Raises AssetNotFound when that was nothing, or when there is no such version yet; AssetGone when
    the asset was purged since.
    """
    latest = history[-1]["entity_version"] if history else 0
    if asked.version is not None and asked.version > latest:
        raise AssetNotFound(f"no asset {asset_id} has a version {asked.version}")
    row: dict[str, Any] = {"asset_id": asset_id}
    for each in history:
        if not _is_within(each, asked):
            break
        row |= _told(each)
        row |= {"version": each["entity_version"], "updated_at_us": each["happened_at_us"]}
    if "version" not in row:
        raise AssetNotFound(f"no asset had the id {asset_id} then")
    if history[-1]["name"] in _GONE and row["status"] != Status.PURGED:
        raise AssetGone(f"asset {asset_id} was purged since, and with it what it was before")
    return row


def _told(row: Row) -> Row:
    """Say what an event changed, or what is known of that now that its words are erased."""
    name, happened_at_us = row["name"], row["happened_at_us"]
    if row["event"] != _ERASED:
        return _changes(name, _READ(row["event"]), happened_at_us)
    match name:
        case "AssetSubmitted":
            begun = {"status": Status.SUBMITTED, "created_at_us": happened_at_us, "erased_at_us": 0}
            return {**_BLANK, **begun, "category_ids": [], "preset": "", "run": 0}
        case "AssetPurged":
            return {**_BLANK, "status": Status.PURGED}
        case "AssetErased":
            return {"erased_at_us": happened_at_us}
    return {}


def _is_within(event: Row, asked: AssetAsOfParameters) -> bool:
    if asked.version is not None:
        return bool(event["entity_version"] <= asked.version)
    return asked.as_of is None or bool(event["happened_at_us"] <= microseconds(asked.as_of))


def _changes(name: str, event: _Event, happened_at_us: int) -> Row:
    match name:
        case "AssetSubmitted":
            changes: dict[str, Any] = {
                **_BLANK,
                "status": Status.SUBMITTED,
                "created_at_us": happened_at_us,
                "erased_at_us": 0,
                "category_ids": _plain(event, "category_ids"),
                **_run(event),
                **_source(event),
                **_description(event),
            }
        case "AssetPublished":
            run = _plain(event, "run")  # of earlier renditions, when these are shown again
            changes = {"status": Status.PUBLISHED, "run": run, **_picture(event), **_NO_FAILURE}
        case "AssetConfirmed":
            changes = {"fetch": bytes(event["fetch"]).decode(), **_NO_FAILURE}
        case "AssetDelayed":
            retry_at = datetime.fromisoformat(_plain(event, "retry_at"))
            changes = {**_failure(event), "retry_at_us": microseconds(retry_at)}
        case "AssetRejected":
            changes = _failure(event)
            changes["failure_duplicate_of"] = _plain(event, "duplicate_of") or ""
            if not _plain(event, "keeps_published"):
                changes["status"] = Status.REJECTED
        case "AssetCategorised":
            changes = {"category_ids": _plain(event, "category_ids")}
        case "AssetDescribed":
            changes = {**_description(event)}
        case "AssetDeleted":
            changes = {"status": Status.DELETED}
        case "AssetRestored":
            changes = {"status": _plain(event, "status"), "run": _plain(event, "run")}
            if _plain(event, "starts_run"):
                changes |= _NO_FAILURE
        case "AssetReprocessingRequested":
            changes = {**_run(event), **_NO_FAILURE}
        case "AssetRefreshRequested":
            status = _plain(event, "status")
            changes = {"status": status, **_run(event), **_NO_FAILURE}
        case "AssetSourceReplaced":
            status = _plain(event, "status")
            changes = {"status": status, **_run(event), **_source(event), **_NO_FAILURE}
        case "AssetPurged":
            changes = {"status": Status.PURGED, **_BLANK}
        case "AssetErased":
            changes = {"erased_at_us": happened_at_us}
        case _:
            changes = {}  # of a newer release, which may be taken back
    return changes


def _run(event: _Event) -> Row:
    return {"preset": _plain(event, "preset"), "run": _plain(event, "run")}


def _source(event: _Event) -> Row:
    source = _plain(event, "source")
    return {"source_url": source["url"], "source_file_name": source["file_name"]}


def _description(event: _Event) -> Row:
    description = _plain(event, "description")
    point = msgspec.json.encode(description.get("focal_point")).decode()
    return {**{name: description[name] for name in _TEXTS}, "focal_point": point}


def _failure(event: _Event) -> dict[str, Any]:
    return {**_NO_FAILURE, **{f"failure_{name}": _plain(event, name) for name in _FAILURE}}


def _picture(event: _Event) -> Row:
    listing = _plain(event, "listing")
    return {
        **{name: listing[name] for name in _SHOWN},
        **{name: bytes(event[name]).decode() for name in ("original", "renditions")},
        **{name: bytes(event[name]).decode() for name in ("facts", "fetch")},
        "pipeline_version": _plain(event, "pipeline_version"),
        "watermark": _plain(event, "watermark") or "",
    }


def _plain(event: _Event, name: str) -> Any:  # noqa: ANN401 - any part of an event
    return msgspec.json.decode(event[name])
