"""The events of an asset: frozen, and named in the past tense."""

from dataclasses import dataclass
from datetime import datetime

from domain.events import Event
from domain.failures import FailureCode
from domain.values import (
    AssetId,
    CategoryId,
    Description,
    Duplicates,
    Facts,
    Fetch,
    FocalPoint,
    Listing,
    Original,
    Picture,
    Rendition,
    Sha256,
    Source,
    Status,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSubmitted(Event):
    """A picture was handed over and accepted; its bytes are still to be fetched.

    Here as in what follows, ``duplicates`` says what becomes of bytes that are published already;
    it counts until the asset is published itself.
    """

    source: Source
    category_ids: tuple[CategoryId, ...]
    description: Description
    preset: str
    run: int
    is_bulk: bool
    duplicates: Duplicates


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPublished(Event):
    """A pipeline run ended well: the picture is hosted, listed and has a public URL.

    Here as in what follows, ``shown_since`` is the version from which on listings showed what ends
    with this event; absent if they did not show the asset. Every event that may change the status
    has the ``previous_status``, and ``created_at``, when the asset was submitted: a view by status
    follows from each event alone. ``previous_sha256`` and
    ``previous_perceptual_hash`` are those of the picture that was published before, if any was.
    """

    run: int
    category_ids: tuple[CategoryId, ...]
    created_at: datetime
    previous_status: Status
    original: Original
    renditions: tuple[Rendition, ...]
    facts: Facts
    pipeline_version: int
    watermark: Sha256 | None
    fetch: Fetch | None
    listing: Listing
    shown_since: int | None
    previous_sha256: Sha256 | None
    previous_perceptual_hash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetConfirmed(Event):
    """A pipeline run found the source unchanged: what is shown stays; ``fetch`` is how it went."""

    run: int
    fetch: Fetch


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRejected(Event):
    """A pipeline run was given up; an earlier picture, where there is one, stays published.

    ``duplicate_of`` is the asset that has the same bytes, if it was given up for that;
    ``leads_there`` says that the public URL shall lead to it.
    """

    run: int
    code: FailureCode
    detail: str
    attempts: int
    keeps_published: bool
    created_at: datetime
    previous_status: Status
    duplicate_of: AssetId | None
    leads_there: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDelayed(Event):
    """An attempt at a pipeline run failed; it is tried again at ``retry_at`` or soon after."""

    run: int
    code: FailureCode
    detail: str
    attempts: int
    retry_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetCategorised(Event):
    """The set of an asset's categories changed; ``listing`` is absent while it is not published."""

    category_ids: tuple[CategoryId, ...]
    previous_category_ids: tuple[CategoryId, ...]
    created_at: datetime
    listing: Listing | None
    shown_since: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDescribed(Event):
    """The description changed; ``listing`` is absent while the asset is not published."""

    description: Description
    previous_description: Description
    category_ids: tuple[CategoryId, ...]
    listing: Listing | None
    shown_since: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDeleted(Event):
    """An asset was taken out of sight."""

    category_ids: tuple[CategoryId, ...]
    created_at: datetime
    previous_status: Status
    shown_since: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRestored(Event):
    """A deletion was undone; a run that had not ended starts again from the source."""

    status: Status
    previous_status: Status
    category_ids: tuple[CategoryId, ...]
    created_at: datetime
    source: Source
    preset: str
    focal_point: FocalPoint | None
    run: int
    starts_run: bool
    listing: Listing | None
    duplicates: Duplicates


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPurged(Event):
    """A deleted asset's bytes are to be removed: all that lies below its folder.

    Its key is destroyed too: all that is personal in its events reads as never said from then on.
    ``shown_in`` names every category that ever showed it; ``sha256`` and ``perceptual_hash`` are
    those of the picture that was published last, if any was.
    """

    category_ids: tuple[CategoryId, ...]
    created_at: datetime
    previous_status: Status
    shown_in: tuple[CategoryId, ...]
    sha256: Sha256 | None
    perceptual_hash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetErased(Event):
    """Nothing personal is left of a purged asset: its key is destroyed, its bytes are removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetReprocessingRequested(Event):
    """New renditions of the kept original were asked for.

    Here as in the other events that begin a run, ``focal_point`` is where its preset cuts, unless
    that knows better.
    """

    original: Original
    preset: str
    focal_point: FocalPoint | None
    run: int
    is_bulk: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSourceReplaced(Event):
    """A new picture was put under the same id; the old one is served until it is ready."""

    status: Status
    previous_status: Status
    created_at: datetime
    source: Source
    previous_source: Source
    preset: str
    focal_point: FocalPoint | None
    run: int
    duplicates: Duplicates


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRefreshRequested(Event):
    """The source is to be asked again; ``picture``, if there is one, is shown until it is new."""

    status: Status
    previous_status: Status
    created_at: datetime
    source: Source
    picture: Picture | None
    preset: str
    focal_point: FocalPoint | None
    run: int
    is_bulk: bool
    duplicates: Duplicates


AssetEvent = (
    AssetSubmitted
    | AssetPublished
    | AssetConfirmed
    | AssetRejected
    | AssetDelayed
    | AssetCategorised
    | AssetDescribed
    | AssetDeleted
    | AssetRestored
    | AssetPurged
    | AssetErased
    | AssetReprocessingRequested
    | AssetSourceReplaced
    | AssetRefreshRequested
)
