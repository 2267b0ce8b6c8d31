"""The end of a pipeline run: its result is published, or the run is rejected or delayed."""

from domain.asset.commands import (
    ConfirmAsset,
    DelayAsset,
    PublishAsset,
    RejectAsset,
    RepublishAsset,
)
from domain.asset.description import listed_fields
from domain.asset.events import (
    AssetConfirmed,
    AssetDelayed,
    AssetEvent,
    AssetPublished,
    AssetRejected,
)
from domain.asset.guards import refuse_gone
from domain.asset.state import Asset
from domain.events import EventMetadata
from domain.values import Fetch, Listing, Status

_THUMBNAIL = "thumb"  # what presets call the rendition for listings


def publish(command: PublishAsset, asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    """Publish the result of the current run; a late result changes nothing."""
    if not asset.is_open(command.run):
        return []
    fetch = command.fetch or _kept_fetch(command, asset)
    return [_published(command, asset, metadata, command.run, fetch)]


def confirm(command: ConfirmAsset, asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    """End the current run with the published picture unchanged; a late result changes nothing."""
    if not asset.is_open(command.run) or asset.picture is None:
        return []
    return [AssetConfirmed(metadata=metadata, run=command.run, fetch=command.fetch)]


def reject(command: RejectAsset, asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    """Reject the current run; a late result changes nothing."""
    if not asset.is_open(command.run):
        return []
    return [
        AssetRejected(
            metadata=metadata,
            run=command.run,
            code=command.code,
            detail=command.detail,
            attempts=command.attempts,
            keeps_published=asset.status is Status.PUBLISHED,
            created_at=asset.created_at,
            previous_status=asset.status,
            duplicate_of=command.duplicate_of,
            leads_there=command.duplicate_of is not None and asset.duplicates == "return",
        )
    ]


def republish(command: RepublishAsset, asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    """Publish an earlier result again, as a new run; raises AssetIsDeleted, AssetIsPurged."""
    refuse_gone(asset)
    run = asset.run + 1  # so that what an unfinished run may still bring is late
    return [_published(command, asset, metadata, run, command.fetch)]


def delay(command: DelayAsset, asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    """Note a failed attempt that is repeated; a late or repeated command changes nothing."""
    if not asset.is_open(command.run) or (command.run, command.attempts) <= asset.last_delay:
        return []
    return [
        AssetDelayed(
            metadata=metadata,
            run=command.run,
            code=command.code,
            detail=command.detail,
            attempts=command.attempts,
            retry_at=command.retry_at,
        )
    ]


def _kept_fetch(command: PublishAsset, asset: Asset) -> Fetch | None:
    """Return how the original was fetched if it was only rendered anew."""
    shown = asset.picture
    if asset.source.url and shown and shown.original.sha256 == command.original.sha256:
        return shown.fetch
    return None


def _published(
    command: PublishAsset | RepublishAsset,
    asset: Asset,
    metadata: EventMetadata,
    run: int,
    fetch: Fetch | None,
) -> AssetPublished:
    return AssetPublished(
        metadata=metadata,
        run=run,
        category_ids=asset.category_ids,
        created_at=asset.created_at,
        previous_status=asset.status,
        original=command.original,
        renditions=command.renditions,
        facts=command.facts,
        pipeline_version=command.pipeline_version,
        watermark=command.watermark,
        fetch=fetch,
        listing=_listing(command, asset),
        shown_since=asset.shown_since,
        previous_sha256=asset.original.sha256 if asset.original else None,
        previous_perceptual_hash=asset.perceptual_hash,
    )


def _listing(command: PublishAsset | RepublishAsset, asset: Asset) -> Listing:
    main, *_ = command.renditions
    thumbnail = min(
        command.renditions,
        key=lambda rendition: (rendition.name != _THUMBNAIL, rendition.width * rendition.height),
    )
    return Listing(
        created_at=asset.created_at,
        media_type=command.original.media_type,
        width=main.width,
        height=main.height,
        thumbhash=command.facts.thumbhash,
        dominant_colour=next(iter(command.facts.dominant_colours), ""),
        thumbnail_sha256=thumbnail.sha256,
        **listed_fields(asset.description),
    )
