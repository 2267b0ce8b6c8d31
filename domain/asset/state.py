"""The state of an asset, and the fold that makes it from events."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import assert_never

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
from domain.outcomes import AssetSnapshot
from domain.values import (
    NO_DESCRIPTION,
    NO_SOURCE,
    AssetId,
    CategoryId,
    Description,
    Duplicates,
    FocalPoint,
    Listing,
    Original,
    Picture,
    Source,
    Status,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """An asset as its events left it.

    ``run`` counts pipeline runs; ``finished_run`` is the last one that ended, so a run is under way
    while they differ. ``aim`` is the focal point that the last one to begin was given.
    ``last_delay`` is the run and the attempt that were last told to be repeated.
    ``status_before_deletion`` is what a restore goes back to. ``shown_since`` is the version from
    which on listings show it as they do; ``shown_in`` where they ever did. ``picture``
    is what is published, or would be again, and ``perceptual_hash`` is what that looks like.
    ``duplicates`` is what the customer wants done with bytes that others have; it is settled, and
    ``keep``, once it was published. Of what was purged nothing personal is known any more;
    ``is_erased`` says that it is in no file either.
    """

    asset_id: AssetId
    version: int
    updated_at: datetime
    created_at: datetime
    status: Status
    status_before_deletion: Status
    submission: tuple[Source, Description, str]
    source: Source
    category_ids: tuple[CategoryId, ...]
    description: Description
    preset: str
    aim: FocalPoint | None
    duplicates: Duplicates
    run: int
    finished_run: int
    last_delay: tuple[int, int]
    picture: Picture | None
    listing: Listing | None
    shown_since: int | None
    shown_in: tuple[CategoryId, ...]
    perceptual_hash: str | None
    is_erased: bool

    @property
    def is_gone(self) -> bool:
        """True if the asset is deleted or purged."""
        return self.status in (Status.DELETED, Status.PURGED)

    def is_open(self, run: int) -> bool:
        """Return True if this is the current run, it has not ended, and the asset is not gone."""
        return run == self.run != self.finished_run and not self.is_gone

    @property
    def original(self) -> Original | None:
        """The original of the published picture."""
        return self.picture.original if self.picture else None


def evolve(asset: Asset | None, event: AssetEvent) -> Asset | None:
    """Return the asset after one more event; never refuses, since the event happened."""
    metadata = event.metadata
    if isinstance(event, AssetSubmitted):
        return _submitted(event)
    if asset is None:
        return None
    asset = replace(asset, version=metadata.entity_version, updated_at=metadata.happened_at)
    match event:
        case AssetPublished():
            return _published(asset, event)
        case AssetConfirmed():
            picture = asset.picture and replace(asset.picture, fetch=event.fetch)
            return replace(asset, finished_run=event.run, picture=picture)
        case AssetRejected():
            status = asset.status if event.keeps_published else Status.REJECTED
            return replace(asset, status=status, finished_run=event.run)
        case AssetDelayed():
            return replace(asset, last_delay=(event.run, event.attempts))
        case AssetCategorised():
            return _shown(replace(asset, category_ids=event.category_ids), event.listing)
        case AssetDescribed():
            return _shown(replace(asset, description=event.description), event.listing)
        case AssetDeleted():
            return replace(
                asset,
                status=Status.DELETED,
                status_before_deletion=asset.status,
                shown_since=None,
            )
        case AssetRestored():
            aim = event.focal_point if event.starts_run else asset.aim
            restored = replace(asset, status=event.status, run=event.run, aim=aim)
            return _shown(restored, event.listing)
        case AssetPurged():
            return replace(
                asset,
                status=Status.PURGED,
                picture=None,
                submission=(NO_SOURCE, NO_DESCRIPTION, asset.preset),
                source=NO_SOURCE,
                description=NO_DESCRIPTION,
                listing=None,
                shown_in=(),
                perceptual_hash=None,
            )
        case AssetErased():
            return replace(asset, is_erased=True)
        case AssetReprocessingRequested():
            return replace(asset, preset=event.preset, aim=event.focal_point, run=event.run)
        case AssetSourceReplaced():
            return replace(
                asset,
                source=event.source,
                preset=event.preset,
                aim=event.focal_point,
                run=event.run,
                status=event.status,
            )
        case AssetRefreshRequested():
            return replace(asset, aim=event.focal_point, run=event.run, status=event.status)
        case _:
            assert_never(event)


def replay(events: Iterable[AssetEvent]) -> Asset | None:
    """Fold all events of an asset; None if there are none."""
    return reduce(evolve, events, None)


def snapshot(asset: Asset) -> AssetSnapshot:
    """Return what an outcome shows of an asset."""
    return AssetSnapshot(
        asset_id=asset.asset_id,
        version=asset.version,
        status=asset.status,
        created_at=asset.created_at,
        source=asset.source,
        category_ids=asset.category_ids,
        description=asset.description,
        preset=asset.preset,
        run=asset.run,
    )


def _shown(asset: Asset, listing: Listing | None) -> Asset:
    """Return the asset with a listing since its version; without one while it is not published."""
    if listing is None:
        return replace(asset, listing=None)
    return replace(
        asset,
        listing=listing,
        shown_since=asset.version,
        shown_in=tuple(sorted({*asset.shown_in, *asset.category_ids})),
    )


def _published(asset: Asset, event: AssetPublished) -> Asset:
    published = replace(
        asset,
        status=Status.PUBLISHED,
        duplicates="keep",
        run=event.run,
        finished_run=event.run,
        picture=Picture(
            original=event.original,
            fetch=event.fetch,
            # What is shown again was rendered by a run of its own, which may have had another one.
            preset=asset.preset if event.run == asset.run else None,
            pipeline_version=event.pipeline_version,
            watermark=event.watermark,
            focal_point=asset.aim,
        ),
        perceptual_hash=event.facts.perceptual_hash,
    )
    return _shown(published, event.listing)


def _submitted(event: AssetSubmitted) -> Asset:
    return Asset(
        asset_id=event.asset_id,
        version=event.metadata.entity_version,
        updated_at=event.metadata.happened_at,
        created_at=event.metadata.happened_at,
        status=Status.SUBMITTED,
        status_before_deletion=Status.SUBMITTED,
        submission=(event.source, event.description, event.preset),
        source=event.source,
        category_ids=event.category_ids,
        description=event.description,
        preset=event.preset,
        aim=event.description.focal_point,
        duplicates=event.duplicates,
        run=event.run,
        finished_run=0,
        last_delay=(0, 0),
        picture=None,
        listing=None,
        shown_since=None,
        shown_in=(),
        perceptual_hash=None,
        is_erased=False,
    )
