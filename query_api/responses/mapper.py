"""Rows of the views → what clients read."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from avro_schemas.errors import Undecodable
from domain.asset.changes import Change, changes
from domain.failures import is_transient
from domain.values import AssetId, Rendition, Status
from infra.cassandra.session import Row
from infra.http.position_header import position_to_header
from infra.http.problems import name_of, problem_kinds, status_of, title_of
from query_api.duplicates import DuplicateMatches
from query_api.images.public_urls import PublicUrls
from query_api.listing.category_tree import CategoryTree
from read_models.asset_history.queries import event_in
from read_models.public_assets.queries import decode_renditions
from read_models.time import moment

JsonObject = dict[str, Any]


class ResponseMapper:
    """Writes answers; each has the shape of the model of that name in ``responses.models``."""

    def __init__(self, urls: PublicUrls, *, problem_base_url: str) -> None:
        self._urls = urls
        self._problem_types = f"{problem_base_url.rstrip('/')}/problems/"

    def asset(
        self, row: Row, tree: CategoryTree, duplicate_of: AssetId | None = None
    ) -> JsonObject:
        """Show all of an asset; what is not published has no public URL and no renditions."""
        is_published = row["status"] == Status.PUBLISHED
        shown = decode_renditions(row["renditions"]) if is_published else ()
        original = msgspec.json.decode(row["original"] or "null")
        return {
            "asset_id": row["asset_id"],
            "status": row["status"],
            "version": row["version"],
            "created_at": moment(row["created_at_us"]),
            "updated_at": moment(row["updated_at_us"]),
            "erased_at": moment(row["erased_at_us"]) if row["erased_at_us"] else None,
            "source": {
                "url": row["source_url"] or None,
                "file_name": row["source_file_name"] or None,
            },
            "preset": row["preset"],
            "run": row["run"],
            "categories": [tree.label(one) for one in row["category_ids"] or ()],
            "title": row["title"],
            "alt_text": row["alt_text"],
            "tags": list(row["tags"] or ()),
            "metadata": _json(row["metadata"] or "{}"),
            "focal_point": _json(row["focal_point"] or "null"),
            "failure": _failure(row),
            "duplicate_of": duplicate_of,
            "public_url": self._urls.asset(row["asset_id"]) if is_published else None,
            "thumbnail_url": self._urls.thumbnail(row["asset_id"], row["thumbnail_sha256"])
            if is_published
            else None,
            "media_type": row["media_type"] or None,
            "width": row["width"] or None,
            "height": row["height"] or None,
            "thumbhash": row["thumbhash"] or None,
            "dominant_colour": row["dominant_colour"] or None,
            "original": original and _without_blob_key(original),
            "renditions": [self._rendition(row, one) for one in shown],
            "facts": _json(row["facts"] or "null"),
            "fetch": _json(row["fetch"] or "null"),
            "pipeline_version": row["pipeline_version"] or None,
            "watermark": row["watermark"] or None,
        }

    def item(self, row: Row, tree: CategoryTree) -> JsonObject:
        """Show what a gallery needs of a published asset."""
        return {
            "asset_id": row["asset_id"],
            "created_at": moment(row["created_at_us"]),
            "title": row["title"],
            "alt_text": row["alt_text"],
            "media_type": row["media_type"],
            "width": row["width"],
            "height": row["height"],
            "thumbhash": row["thumbhash"],
            "dominant_colour": row["dominant_colour"],
            "public_url": self._urls.asset(row["asset_id"]),
            "thumbnail_url": self._urls.thumbnail(row["asset_id"], row["thumbnail_sha256"]),
            "categories": list(map(tree.label, row["category_ids"] or ())),
        }

    def duplicates(self, found: DuplicateMatches) -> JsonObject:
        """Show the duplicates of an asset."""
        return {
            "exact": [self._duplicate(0, row) for row in found.exact],
            "near": [self._duplicate(distance, row) for distance, row in found.near],
        }

    def _duplicate(self, distance: int, row: Row) -> JsonObject:
        return {
            "asset_id": row["asset_id"],
            "created_at": moment(row["created_at_us"]),
            "title": row["title"],
            "distance": distance,
            "public_url": self._urls.asset(row["asset_id"]),
            "thumbnail_url": self._urls.thumbnail(row["asset_id"], row["thumbnail_sha256"]),
        }

    def history(self, rows: Sequence[Row]) -> list[JsonObject]:
        """Show all events of an asset, and what each of them changed.

        When one has the shape of an older release nothing is said about changes.
        """
        told: list[tuple[Change, ...]] = [()] * len(rows)
        with suppress(Undecodable):
            told = changes(map(event_in, rows))
        return [self._event(row, changed) for row, changed in zip(rows, told, strict=True)]

    def _event(self, row: Row, changed: Sequence[Change]) -> JsonObject:
        return {
            "event_id": row["event_id"],
            "name": row["name"],
            "version": row["entity_version"],
            "happened_at": moment(row["happened_at_us"]),
            "actor": row["actor"],
            "command_id": row["command_id"],
            "correlation_id": row["correlation_id"],
            "changes": changed,
            "event": _json(row["event"]),
        }

    def category(self, row: Row, tree: CategoryTree) -> JsonObject:
        """Show a category and where it hangs."""
        return {
            "category_id": row["category_id"],
            "slug": row["slug"],
            "name": row["name"],
            "parent_id": row["parent_id"] or None,
            "path": tree.path(row),
            "is_archived": row["is_archived"],
            "version": row["version"],
        }

    def command(self, row: Row) -> JsonObject:
        """Show what became of a command."""
        outcome = msgspec.json.decode(row["outcome"])  # empty once what it tells of is erased
        return {
            "command_id": row["command_id"],
            "status": "accepted" if row["is_accepted"] else "refused",
            "entity_id": row["entity_id"],
            "decided_at": moment(row["decided_at_us"]),
            "position": position_to_header(row["position"]) if row["position"] else None,
            "events": outcome.get("events", []),
            "asset": outcome.get("asset"),
            "category": outcome.get("category"),
            "problem": self._refusal(outcome) if outcome and not row["is_accepted"] else None,
        }

    def _refusal(self, outcome: JsonObject) -> JsonObject:
        kind = next(
            kind for kind in problem_kinds().values() if kind.__name__ == outcome["problem"]
        )
        return {
            **outcome["members"],
            "type": self._problem_types + name_of(kind),
            "title": title_of(kind),
            "status": status_of(kind).value,
            "detail": outcome["detail"],
        }

    def _rendition(self, row: Row, rendition: Rendition) -> JsonObject:
        return {
            "name": rendition.name,
            "url": self._urls.rendition(
                row["asset_id"], rendition.name, rendition.media_type, rendition.sha256
            ),
            "media_type": rendition.media_type,
            "width": rendition.width,
            "height": rendition.height,
            "size_bytes": rendition.size_bytes,
            "sha256": rendition.sha256,
        }


def _failure(row: Row) -> JsonObject | None:
    if not row["failure_code"]:
        return None
    return {
        "code": row["failure_code"],
        "detail": row["failure_detail"],
        "attempts": row["failure_attempts"],
        "is_transient": is_transient(row["failure_code"]),
        "retry_at": moment(row["retry_at_us"]) if row["retry_at_us"] else None,
        "duplicate_of": row["failure_duplicate_of"] or None,
    }


def _json(text: str) -> msgspec.Raw:
    """Pass on what is JSON already."""
    return msgspec.Raw(text.encode())


def _without_blob_key(original: JsonObject) -> JsonObject:
    """Keep to ourselves where the original lies."""
    return {name: value for name, value in original.items() if name != "blob_key"}
