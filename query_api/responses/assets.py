"""One asset in a response: all that is known of it."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from pydantic import Field
from typing_extensions import TypedDict

from domain.failures import FailureCode, is_transient
from domain.values import AssetId, Rendition, Status
from infra.cassandra.session import Row
from query_api.images.public_urls import PublicUrls
from query_api.listing.category_tree import CategoryTree
from query_api.responses.categories import CategoryLabel
from query_api.responses.json_response import raw_json
from read_models.public_assets.queries import decode_renditions
from read_models.time import moment


class SourceAnswer(TypedDict, closed=True):
    """Where the picture came from: a URL, or an upload."""

    url: Annotated[str | None, Field(examples=["https://example.com/cat.jpg"])]
    file_name: str | None


class FailureAnswer(TypedDict, closed=True):
    """Why the last attempt did not work out: it was given up, or another follows."""

    code: FailureCode
    detail: str
    attempts: int
    is_transient: Annotated[bool, Field(description="Whether the same source may work later.")]
    retry_at: Annotated[
        datetime | None, Field(description="When it is tried again; null: given up.")
    ]
    duplicate_of: Annotated[
        str | None,
        Field(
            description="For the code `duplicate`: "
            "the asset that was published with the same bytes."
        ),
    ]


class OriginalAnswer(TypedDict, closed=True):
    """The picture as it was handed over; it is kept privately."""

    sha256: str
    size_bytes: int
    media_type: str
    width: int
    height: int
    frames: int


class RenditionAnswer(TypedDict, closed=True):
    """One public form of the picture; the URL names its content and may be cached for ever."""

    name: Annotated[str, Field(examples=["large"])]
    url: str
    media_type: Annotated[str, Field(examples=["image/webp"])]
    width: int
    height: int
    size_bytes: int
    sha256: str


class FactsAnswer(TypedDict, closed=True):
    """What the pixels, and the harmless part of the EXIF, tell."""

    exif: dict[str, str]
    captured_at: datetime | None
    camera: str | None
    dominant_colours: Annotated[list[str], Field(examples=[["#7a5c3e", "#e8e0d4"]])]
    thumbhash: str
    perceptual_hash: str


class FetchAnswer(TypedDict, closed=True):
    """How the download went."""

    final_url: str
    status: int
    etag: str | None
    last_modified: str | None
    duration_ms: int


class FocalPointAnswer(TypedDict, closed=True):
    """What matters in a picture: shares of its upright width and height."""

    x: Annotated[float, Field(ge=0, le=1, examples=[0.3])]
    y: Annotated[float, Field(ge=0, le=1, examples=[0.7])]


class AssetAnswer(TypedDict, closed=True):
    """An asset in any state; what is not known yet, or not shown any more, is null or empty."""

    asset_id: str
    status: Status
    version: Annotated[int, Field(description="Send it as `If-Match` with a write.")]
    created_at: datetime
    updated_at: datetime
    erased_at: Annotated[
        datetime | None, Field(description="Since when nothing personal is left of a purged asset.")
    ]
    source: SourceAnswer
    preset: str
    run: Annotated[int, Field(description="How often the pipeline was asked to work on it.")]
    categories: list[CategoryLabel]
    title: str
    alt_text: str
    tags: list[str]
    metadata: dict[str, Any]
    focal_point: FocalPointAnswer | None
    failure: FailureAnswer | None
    duplicate_of: Annotated[
        str | None,
        Field(
            description="The oldest published asset with the same bytes; never told of the past."
        ),
    ]
    public_url: str | None
    thumbnail_url: str | None
    media_type: str | None
    width: int | None
    height: int | None
    thumbhash: str | None
    dominant_colour: str | None
    original: OriginalAnswer | None
    renditions: list[RenditionAnswer]
    facts: FactsAnswer | None
    fetch: FetchAnswer | None
    pipeline_version: int | None
    watermark: Annotated[
        str | None,
        Field(description="The SHA-256 of the PNG that lies on its renditions; null: none does."),
    ]


def asset_answer(
    row: Row, tree: CategoryTree, urls: PublicUrls, duplicate_of: AssetId | None = None
) -> AssetAnswer:
    """Show all of an asset; what is not published has no public URL and no renditions."""
    is_published = row["status"] == Status.PUBLISHED
    shown = decode_renditions(row["renditions"]) if is_published else ()
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
        "metadata": raw_json(row["metadata"] or "{}"),
        "focal_point": raw_json(row["focal_point"] or "null"),
        "failure": _failure(row),
        "duplicate_of": duplicate_of,
        "public_url": urls.asset(row["asset_id"]) if is_published else None,
        "thumbnail_url": urls.thumbnail(row["asset_id"], row["thumbnail_sha256"])
        if is_published
        else None,
        "media_type": row["media_type"] or None,
        "width": row["width"] or None,
        "height": row["height"] or None,
        "thumbhash": row["thumbhash"] or None,
        "dominant_colour": row["dominant_colour"] or None,
        "original": _original(row),
        "renditions": [_rendition(row, one, urls) for one in shown],
        "facts": raw_json(row["facts"] or "null"),
        "fetch": raw_json(row["fetch"] or "null"),
        "pipeline_version": row["pipeline_version"] or None,
        "watermark": row["watermark"] or None,
    }


def _failure(row: Row) -> FailureAnswer | None:
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


def _original(row: Row) -> Any:  # noqa: ANN401 - as the column has it, without one member
    """Keep to ourselves where the original lies."""
    original = msgspec.json.decode(row["original"] or "null")
    return original and {name: value for name, value in original.items() if name != "blob_key"}


def _rendition(row: Row, rendition: Rendition, urls: PublicUrls) -> RenditionAnswer:
    return {
        "name": rendition.name,
        "url": urls.rendition(
            row["asset_id"], rendition.name, rendition.media_type, rendition.sha256
        ),
        "media_type": rendition.media_type,
        "width": rendition.width,
        "height": rendition.height,
        "size_bytes": rendition.size_bytes,
        "sha256": rendition.sha256,
    }
