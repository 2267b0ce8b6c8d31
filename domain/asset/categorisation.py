"""Commands that categorise, describe and tag an asset."""

from dataclasses import replace

from domain.asset.commands import AdjustCategories, AdjustTags, DescribeAsset, SetCategories
from domain.asset.description import check_description, listed_fields, patched_description
from domain.asset.events import AssetCategorised, AssetDescribed, AssetEvent
from domain.asset.guards import refuse_gone
from domain.asset.state import Asset
from domain.category import Catalogue
from domain.errors import AssetNeedsCategory
from domain.events import EventMetadata
from domain.values import CategoryId, Description


def set_categories(
    command: SetCategories, asset: Asset, catalogue: Catalogue, metadata: EventMetadata
) -> list[AssetEvent]:
    """Put it into exactly these; raises AssetIsDeleted, AssetIsPurged, UnknownCategory and such."""
    refuse_gone(asset)
    return _categorised(catalogue.resolve(command.categories), asset, metadata)


def adjust_categories(
    command: AdjustCategories, asset: Asset, catalogue: Catalogue, metadata: EventMetadata
) -> list[AssetEvent]:
    """Put it into some and out of others; raises AssetNeedsCategory when none would be left."""
    refuse_gone(asset)
    if command.if_in is not None and catalogue.id_of(command.if_in) not in asset.category_ids:
        return []
    removed = {catalogue.id_of(ref) for ref in command.remove}  # archived ones may be left too
    category_ids = tuple(
        sorted({*asset.category_ids} - removed | {*catalogue.resolve(command.add)})
    )
    if asset.category_ids and not category_ids:
        raise AssetNeedsCategory("it is in no other category; name one to add")
    return _categorised(category_ids, asset, metadata)


def _categorised(
    category_ids: tuple[CategoryId, ...], asset: Asset, metadata: EventMetadata
) -> list[AssetEvent]:
    if category_ids == asset.category_ids:
        return []
    return [
        AssetCategorised(
            metadata=metadata,
            category_ids=category_ids,
            previous_category_ids=asset.category_ids,
            created_at=asset.created_at,
            listing=asset.listing,
            shown_since=asset.shown_since,
        )
    ]


def describe(command: DescribeAsset, asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    """Apply a merge patch to what is said about it; raises DescriptionRefused."""
    refuse_gone(asset)
    return _described(patched_description(asset.description, command.patch), asset, metadata)


def adjust_tags(command: AdjustTags, asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    """Add tags and take others away; raises DescriptionRefused when there are too many."""
    refuse_gone(asset)
    kept = [tag for tag in asset.description.tags if tag not in command.remove]
    tags = (*kept, *(tag for tag in dict.fromkeys(command.add) if tag not in kept))
    description = replace(asset.description, tags=tags)
    check_description(description)
    return _described(description, asset, metadata)


def _described(description: Description, asset: Asset, metadata: EventMetadata) -> list[AssetEvent]:
    if description == asset.description:
        return []
    listing = asset.listing and replace(asset.listing, **listed_fields(description))
    return [
        AssetDescribed(
            metadata=metadata,
            description=description,
            previous_description=asset.description,
            category_ids=asset.category_ids,
            listing=listing,
            shown_since=asset.shown_since,
        )
    ]
