"""Value types, and the small records that commands and events share."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, NewType

TenantId = NewType("TenantId", str)
AssetId = NewType("AssetId", str)
CategoryId = NewType("CategoryId", str)
CategorySlug = NewType("CategorySlug", str)
CategoryRef = NewType("CategoryRef", str)  # what a customer writes: a slug or an id
CommandId = NewType("CommandId", str)
EventId = NewType("EventId", str)
CorrelationId = NewType("CorrelationId", str)
OperationId = NewType("OperationId", str)
Actor = NewType("Actor", str)  # "key:<id>" or "system:<process>"
BlobKey = NewType("BlobKey", str)
Duplicates = Literal["keep", "return", "refuse"]  # what is done with bytes that are there already
Sha256 = NewType("Sha256", str)  # 64 lower-case hex digits


class Status(StrEnum):
    """Where an asset stands."""

    SUBMITTED = "submitted"
    PUBLISHED = "published"
    REJECTED = "rejected"
    DELETED = "deleted"
    PURGED = "purged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the bytes come from: a URL to download, or an upload staged in the blob store."""

    url: str | None
    upload_key: BlobKey | None
    file_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FocalPoint:
    """What matters in a picture, seen upright: shares of its width and height, 0 to 1."""

    x: float
    y: float

    def __str__(self) -> str:
        """Spell it as imgproxy does, with our separator."""
        return f"fp_{self.x:g}_{self.y:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the customer says about a picture; ``metadata`` is a JSON object as text."""

    title: str
    alt_text: str
    tags: tuple[str, ...]
    metadata: str
    focal_point: FocalPoint | None


NO_SOURCE = Source(url=None, upload_key=None, file_name=None)
NO_DESCRIPTION = Description(title="", alt_text="", tags=(), metadata="{}", focal_point=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The untouched picture as it was handed over, kept privately."""

    blob_key: BlobKey
    sha256: Sha256
    size_bytes: int
    media_type: str
    width: int
    height: int
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One public form of a picture."""

    name: str
    blob_key: BlobKey
    sha256: Sha256
    size_bytes: int
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the pixels and the safe part of the EXIF tell about a picture."""

    exif: dict[str, str]
    captured_at: datetime | None
    camera: str | None
    dominant_colours: tuple[str, ...]
    thumbhash: str
    perceptual_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """How the download went; absent for uploads."""

    final_url: str
    status: int
    etag: str | None
    last_modified: str | None
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A published picture, to compare with what its source has now.

    ``fetch`` tells how the original came here. ``preset`` is what it was rendered with; absent when
    that is not known, since an earlier result is shown again. ``watermark`` names the picture that
    lies on its renditions, ``focal_point`` is where they were cut, if its preset cuts any.
    """

    original: Original
    fetch: Fetch | None
    preset: str | None
    pipeline_version: int
    watermark: Sha256 | None
    focal_point: FocalPoint | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a gallery shows of a published asset; every event that moves an asset repeats it."""

    created_at: datetime
    title: str
    alt_text: str
    media_type: str
    width: int
    height: int
    thumbhash: str
    dominant_colour: str
    thumbnail_sha256: Sha256
