"""Guards: refuse a command for an asset that is deleted, purged, or not deleted."""

from domain.asset.state import Asset
from domain.errors import AssetIsDeleted, AssetIsNotDeleted, AssetIsPurged
from domain.values import Status


def refuse_gone(asset: Asset) -> None:
    """Raise AssetIsDeleted or AssetIsPurged unless it is there."""
    if asset.status is Status.PURGED:
        raise AssetIsPurged(f"asset {asset.asset_id} was purged")
    if asset.status is Status.DELETED:
        raise AssetIsDeleted(f"asset {asset.asset_id} is deleted; restore it first")


def refuse_not_deleted(asset: Asset) -> None:
    """Raise AssetIsNotDeleted or AssetIsPurged unless it can be brought back."""
    if asset.status is Status.PURGED:
        raise AssetIsPurged(f"asset {asset.asset_id} was purged and cannot come back")
    if asset.status is not Status.DELETED:
        raise AssetIsNotDeleted(f"asset {asset.asset_id} is not deleted")
