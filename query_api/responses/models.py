"""The shapes of answers, for the description of the service; answers are not built through them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.failures import FailureCode
from domain.values import Status


class ResponseModel(BaseModel):
    """Something that answers are made of; it has these members and no others."""

    model_config = ConfigDict(extra="forbid")


class CategoryLabel(ResponseModel):
    """A category beside an asset; slug and name are null for a moment while it is new."""

    category_id: str
    slug: str | None = Field(examples=["cats"])
    name: str | None = Field(examples=["Cats"])


class SourceAnswer(ResponseModel):
    """Where the picture came from: a URL, or an upload."""

    url: str | None = Field(examples=["https://example.com/cat.jpg"])
    file_name: str | None


class FailureAnswer(ResponseModel):
    """Why the last attempt did not work out: it was given up, or another follows."""

    code: FailureCode
    detail: str
    attempts: int
    is_transient: bool = Field(description="Whether the same source may work later.")
    retry_at: datetime | None = Field(description="When it is tried again; null: given up.")
    duplicate_of: str | None = Field(
        description="For the code `duplicate`: the asset that was published with the same bytes."
    )


class OriginalAnswer(ResponseModel):
    """The picture as it was handed over; it is kept privately."""

    sha256: str
    size_bytes: int
    media_type: str
    width: int
    height: int
    frames: int


class RenditionAnswer(ResponseModel):
    """One public form of the picture; the URL names its content and may be cached for ever."""

    name: str = Field(examples=["large"])
    url: str
    media_type: str = Field(examples=["image/webp"])
    width: int
    height: int
    size_bytes: int
    sha256: str


class FactsAnswer(ResponseModel):
    """What the pixels, and the harmless part of the EXIF, tell."""

    exif: dict[str, str]
    captured_at: datetime | None
    camera: str | None
    dominant_colours: list[str] = Field(examples=[["#7a5c3e", "#e8e0d4"]])
    thumbhash: str
    perceptual_hash: str


class FetchAnswer(ResponseModel):
    """How the download went."""

    final_url: str
    status: int
    etag: str | None
    last_modified: str | None
    duration_ms: int


class FocalPointAnswer(ResponseModel):
    """What matters in a picture: shares of its upright width and height."""

    x: float = Field(ge=0, le=1, examples=[0.3])
    y: float = Field(ge=0, le=1, examples=[0.7])


class AssetAnswer(ResponseModel):
    """An asset in any state; what is not known yet, or not shown any more, is null or empty."""

    asset_id: str
    status: Status
    version: int = Field(description="Send it as `If-Match` with a write.")
    created_at: datetime
    updated_at: datetime
    erased_at: datetime | None = Field(
        description="Since when nothing personal is left of a purged asset."
    )
    source: SourceAnswer
    preset: str
    run: int = Field(description="How often the pipeline was asked to work on it.")
    categories: list[CategoryLabel]
    title: str
    alt_text: str
    tags: list[str]
    metadata: dict[str, Any]
    focal_point: FocalPointAnswer | None
    failure: FailureAnswer | None
    duplicate_of: str | None = Field(
        description="The oldest published asset with the same bytes; never told of the past."
    )
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
    watermark: str | None = Field(
        description="The SHA-256 of the PNG that lies on its renditions; null: none does."
    )


class ItemAnswer(ResponseModel):
    """What a gallery needs of a published asset."""

    asset_id: str
    created_at: datetime
    title: str
    alt_text: str
    media_type: str
    width: int
    height: int
    thumbhash: str
    dominant_colour: str
    public_url: str
    thumbnail_url: str
    categories: list[CategoryLabel]


class PageAnswer(ResponseModel):
    """A page of a listing; it may be short, even empty, while there is a next one."""

    items: list[ItemAnswer]
    next: str | None = Field(examples=["/v1/assets?limit=50&cursor=…"])


class ChangeAnswer(ResponseModel):
    """One field that an event changed."""

    field: str = Field(examples=["categories"])
    before: str | int | list[str] | None
    after: str | int | list[str] | None


class EventAnswer(ResponseModel):
    """One thing that happened to an asset; `event` is all that was recorded, null once erased.

    `correlation_id` is the operation's id when a bulk operation caused it.
    """

    event_id: str
    name: str = Field(examples=["AssetPublished"])
    version: int
    happened_at: datetime
    actor: str
    command_id: str
    correlation_id: str
    changes: list[ChangeAnswer]
    event: dict[str, Any] | None


class DuplicateAnswer(ResponseModel):
    """A published asset like another one."""

    asset_id: str
    created_at: datetime
    title: str
    distance: int = Field(description="How many of 64 bits of the perceptual hash differ.")
    public_url: str
    thumbnail_url: str


class DuplicatesAnswer(ResponseModel):
    """The same bytes, the oldest first, and what looks almost the same, the nearest first."""

    exact: list[DuplicateAnswer]
    near: list[DuplicateAnswer]


class HistoryAnswer(ResponseModel):
    """All that ever happened to an asset, the first first."""

    items: list[EventAnswer]


class CategoryAnswer(ResponseModel):
    """A category; `path` is made of the slugs from the top of the tree."""

    category_id: str
    slug: str = Field(examples=["cats"])
    name: str = Field(examples=["Cats"])
    parent_id: str | None
    path: str = Field(examples=["animals/cats"])
    is_archived: bool
    version: int


class CategoriesAnswer(ResponseModel):
    """A page of the category tree, in the order of a walk through it."""

    items: list[CategoryAnswer]
    next: str | None = Field(examples=["/v1/categories?cursor=…"])


class CausedEvent(ResponseModel):
    """An event that a command caused."""

    event_id: str
    name: str


class CommandAnswer(ResponseModel):
    """What became of a command; `problem` is what a write would have answered."""

    command_id: str
    status: Literal["accepted", "refused"]
    entity_id: str
    decided_at: datetime
    position: str | None = Field(description="Send it as `ScaleHoster-Position` to see the effect.")
    events: list[CausedEvent]
    asset: dict[str, Any] | None
    category: dict[str, Any] | None
    problem: dict[str, Any] | None


class TransformationAnswer(ResponseModel):
    """A rendition that is made on demand, in its one spelling, and its signed public URL."""

    transformation: str = Field(examples=["w_800,h_600,fit_cover,f_webp,q_80"])
    url: str = Field(examples=["https://img.example/i/0190…/w_800,f_webp,q_80?s=…"])
