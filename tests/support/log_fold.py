"""What every view must show: worked out from where the aggregates ended, not from their events.

Nothing in here knows how the views are built. JSON columns are given as Python values.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zlib import crc32

from domain.asset import Asset, replay
from domain.asset.description import DESCRIPTION_FIELDS
from domain.asset.events import (
    AssetCategorised,
    AssetConfirmed,
    AssetDelayed,
    AssetDeleted,
    AssetDescribed,
    AssetErased,
    AssetEvent,
    AssetPublished,
    AssetRefreshRequested,
    AssetRejected,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
)
from domain.category import replay as replay_catalogue
from domain.category.events import (
    CatalogueEvent,
    CategoryArchived,
    CategoryCreated,
    CategoryRestored,
)
from domain.values import Status

Rows = dict[tuple[Any, ...], dict[str, Any]]
JSON_COLUMNS = {"focal_point", "original", "renditions", "facts", "fetch", "event", "outcome"}


def expected_rows(events: Iterable[AssetEvent | CatalogueEvent]) -> dict[str, Rows]:
    """Give every table's rows by key, for a log in which each aggregate's events are in order."""
    rows: dict[str, Rows] = {
        name: {}
        for name in (
            "asset_by_id",
            "public_assets",
            "assets_by_category",
            "category_buckets",
            "assets_by_date",
            "date_buckets",
            "categories",
            "asset_history",
            "assets_by_content",
            "similar_assets",
            "pending_assets",
            "assets_by_shard",
            "listings_as_of",
            "listing_buckets_as_of",
            "categories_as_of",
        )
    }
    of_asset: dict[tuple[str, str], list[AssetEvent]] = {}
    of_tenant: dict[str, list[CatalogueEvent]] = {}
    for event in events:
        if isinstance(event, AssetEvent):
            named = (event.metadata.tenant_id, event.metadata.entity_id)
            of_asset.setdefault(named, []).append(event)
        else:
            of_tenant.setdefault(event.metadata.tenant_id, []).append(event)
    for (tenant_id, _), history in of_asset.items():
        _add_asset(rows, tenant_id, history)
    for tenant_id, changes in of_tenant.items():
        _add_aspects(rows["categories_as_of"], tenant_id, changes)
        for category in replay_catalogue(changes).categories.values():
            rows["categories"][tenant_id, category.category_id] = {
                "slug": category.slug,
                "name": category.name,
                "parent_id": category.parent_id or "",
                "is_archived": category.is_archived,
                "version": category.version,
            }
    return rows


def _add_asset(rows: dict[str, Rows], tenant_id: str, history: list[AssetEvent]) -> None:
    asset = replay(history)
    assert asset is not None
    asset_id, published = asset.asset_id, [e for e in history if isinstance(e, AssetPublished)]
    picture = published[-1] if published and asset.status is not Status.PURGED else None
    rows["asset_by_id"][tenant_id, asset_id] = _current(asset, picture, history)
    renditions = _plain(picture.renditions) if picture else []
    rows["public_assets"][asset_id,] = {
        "tenant_id": tenant_id,
        "status": asset.status.value,
        "renditions": renditions,
        "leads_to": "" if asset.status is Status.PURGED else _leads_to(history),
    }
    rows["assets_by_shard"][tenant_id, crc32(asset_id.encode()) % 64, asset_id] = {
        "status": asset.status.value,
        "created_at_us": _us(asset.created_at),
        "category_ids": asset.category_ids,
        "tags": () if asset.status is Status.PURGED else asset.description.tags,
        "pipeline_version": published[-1].pipeline_version if published else 0,
        "original_bytes": published[-1].original.size_bytes if published else 0,
        "has_url": asset.source.url is not None,
    }
    for event in history:
        rows["asset_history"][tenant_id, asset_id, event.metadata.entity_version] = {
            "event_id": event.metadata.event_id,
            "name": type(event).__name__,
            "happened_at_us": _us(event.metadata.happened_at),
            "command_id": event.metadata.command_id,
            "correlation_id": event.metadata.correlation_id,
            "actor": event.metadata.actor,
            "event": _plain(event),
        }
    if asset.status is not Status.PURGED:
        for event in published[-1:]:
            rows["assets_by_content"][tenant_id, event.original.sha256, asset_id] = {
                "published_at_us": _us(event.metadata.happened_at)
            }
            look = event.facts.perceptual_hash
            for n in range(4):
                quarter = look[4 * n : 4 * n + 4]
                rows["similar_assets"][tenant_id, n, quarter, asset_id, look] = {}
    if asset.run != asset.finished_run and not asset.is_gone:
        begun = [e for e in history if _begins_run(e)][-1]
        rows["pending_assets"][crc32(asset_id.encode()) % 16, asset_id] = {
            "tenant_id": tenant_id,
            "submitted_at_us": _us(begun.metadata.happened_at),
            "run": asset.run,
        }
    _add_listings(rows, tenant_id, asset, history)
    _add_past_listings(rows, tenant_id, asset, history)


def _add_listings(
    rows: dict[str, Rows], tenant_id: str, asset: Asset, history: list[AssetEvent]
) -> None:
    created_at = asset.created_at
    month, day = f"{created_at:%Y-%m}", f"{created_at:%Y-%m-%d}"
    at_us, asset_id = _us(created_at), asset.asset_id
    for n in range(len(history)):  # buckets stay, whatever became of what was in them
        then = replay(history[: n + 1])
        assert then is not None
        if then.status is Status.PUBLISHED:
            rows["date_buckets"][tenant_id, day] = {}
            for category_id in then.category_ids:
                rows["category_buckets"][tenant_id, category_id, month] = {}
    if asset.status is Status.PUBLISHED:
        shown = _shown(asset, history)
        rows["assets_by_date"][tenant_id, day, at_us, asset_id] = shown
        for category_id in asset.category_ids:
            key = (tenant_id, category_id, month, at_us, asset_id)
            rows["assets_by_category"][key] = shown


def _add_past_listings(
    rows: dict[str, Rows], tenant_id: str, asset: Asset, history: list[AssetEvent]
) -> None:
    """Cut the asset's life wherever something was said that listings show."""
    created_at = asset.created_at
    month, day = f"{created_at:%Y-%m}", f"{created_at:%Y-%m-%d}"
    cuts = [n for n, event in enumerate(history) if _is_about_listings(event)]
    for cut, following in pairwise([*cuts, len(history)]):
        then = replay(history[: cut + 1])
        assert then is not None
        if then.status is not Status.PUBLISHED:
            continue
        ended = following < len(history)
        shown = {
            **_shown(then, history[: cut + 1]),
            "valid_from_us": _us(then.updated_at),
            "valid_to_us": _us(history[following].metadata.happened_at) if ended else 2**63 - 1,
        }
        for shelf, bucket in (("", day), *((one, month) for one in then.category_ids)):
            rows["listing_buckets_as_of"][tenant_id, shelf, bucket] = {}
            if asset.status is not Status.PURGED:  # a purge reaches back
                at = (tenant_id, shelf, bucket, _us(created_at), asset.asset_id, then.version)
                rows["listings_as_of"][at] = shown


def _is_about_listings(event: AssetEvent) -> bool:
    return isinstance(
        event,
        AssetPublished | AssetCategorised | AssetDescribed | AssetDeleted | AssetRestored,
    )


def _add_aspects(rows: Rows, tenant_id: str, changes: list[CatalogueEvent]) -> None:
    for change in changes:
        event = asdict(change)
        said: dict[str, str] = {
            name: event[name] or "" for name in ("slug", "name", "parent_id") if name in event
        }
        if isinstance(change, CategoryCreated | CategoryArchived | CategoryRestored):
            said["is_archived"] = "yes" if isinstance(change, CategoryArchived) else ""
        for aspect, value in said.items():
            key = (tenant_id, change.category_id, aspect, change.metadata.entity_version)
            rows[key] = {"value": value, "valid_from_us": _us(change.metadata.happened_at)}


def _shown(asset: Asset, history: list[AssetEvent]) -> dict[str, Any]:
    """Show the description as it stands and the picture as it was published.

    Events repeat both in their ``listing``, which is what the views read; so it is not read here.
    """
    picture = [event for event in history if isinstance(event, AssetPublished)][-1].listing
    said = {f.name: getattr(asset.description, f.name) for f in DESCRIPTION_FIELDS if f.is_listed}
    seen = {name: value for name, value in asdict(picture).items() if name not in said}
    del seen["created_at"]
    return {**said, **seen, "category_ids": asset.category_ids}


def _current(
    asset: Asset, picture: AssetPublished | None, history: list[AssetEvent]
) -> dict[str, Any]:
    is_purged = asset.status is Status.PURGED
    failure = _failure(history)
    fetches = [e.fetch for e in history if isinstance(e, AssetPublished | AssetConfirmed)]
    return {
        "version": asset.version,
        "status": asset.status.value,
        "created_at_us": _us(asset.created_at),
        "updated_at_us": _us(asset.updated_at),
        "erased_at_us": _erased_at_us(history),
        "source_url": "" if is_purged else asset.source.url or "",
        "source_file_name": "" if is_purged else asset.source.file_name or "",
        "preset": asset.preset,
        "run": asset.run,
        "category_ids": asset.category_ids,
        "title": "" if is_purged else asset.description.title,
        "alt_text": "" if is_purged else asset.description.alt_text,
        "tags": () if is_purged else asset.description.tags,
        "metadata": "{}" if is_purged else asset.description.metadata,
        "focal_point": None if is_purged else _plain(asset.description.focal_point),
        "failure_code": failure.code if failure and not is_purged else "",
        "failure_detail": failure.detail if failure and not is_purged else "",
        "failure_attempts": failure.attempts if failure and not is_purged else 0,
        "retry_at_us": _us(failure.retry_at)
        if isinstance(failure, AssetDelayed) and not is_purged
        else 0,
        "failure_duplicate_of": failure.duplicate_of or ""
        if isinstance(failure, AssetRejected) and not is_purged
        else "",
        "original": _plain(picture.original) if picture else None,
        "renditions": _plain(picture.renditions) if picture else [],
        "facts": _plain(picture.facts) if picture else None,
        "fetch": _plain(fetches[-1]) if fetches and not is_purged else None,
        "pipeline_version": picture.pipeline_version if picture else 0,
        "watermark": (picture.watermark or "") if picture else "",
        "media_type": picture.listing.media_type if picture else "",
        "width": picture.listing.width if picture else 0,
        "height": picture.listing.height if picture else 0,
        "thumbhash": picture.listing.thumbhash if picture else "",
        "dominant_colour": picture.listing.dominant_colour if picture else "",
        "thumbnail_sha256": picture.listing.thumbnail_sha256 if picture else "",
    }


def _leads_to(history: list[AssetEvent]) -> str:
    """Say where the last run led that left nothing to show."""
    ended = [e for e in history if isinstance(e, AssetRejected) and not e.keeps_published]
    return (ended[-1].duplicate_of or "") if ended and ended[-1].leads_there else ""


def _erased_at_us(history: list[AssetEvent]) -> int:
    return next((_us(e.metadata.happened_at) for e in history if isinstance(e, AssetErased)), 0)


def _failure(history: list[AssetEvent]) -> AssetRejected | AssetDelayed | None:
    """The last run's failure, until another run begins or ends well."""
    for event in reversed(history):
        if isinstance(event, AssetRejected | AssetDelayed):
            return event
        if isinstance(event, AssetPublished | AssetConfirmed) or _begins_run(event):
            return None
    return None


def _begins_run(event: AssetEvent) -> bool:
    if isinstance(event, AssetRestored):
        return event.starts_run
    return isinstance(
        event,
        AssetSubmitted | AssetReprocessingRequested | AssetRefreshRequested | AssetSourceReplaced,
    )


def _us(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any part of an event
    """Turn a part of an event into what its JSON says."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return None if value is None else json.loads(json.dumps(asdict(value), default=_rfc3339))


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def readable(rows: Rows) -> Rows:
    """Read the JSON columns of rows, so that two ways to write the same count as equal."""
    return {
        key: {
            name: json.loads(value) if name in JSON_COLUMNS else value
            for name, value in columns.items()
        }
        for key, columns in rows.items()
    }
