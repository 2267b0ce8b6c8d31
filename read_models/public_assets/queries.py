"""Finding what the public may know of an asset: whether it is there, and its renditions."""

from dataclasses import dataclass

import msgspec

from domain.values import AssetId, Rendition, Status, TenantId
from read_models.public_assets.projection import PUBLIC_ASSETS
from read_models.view_reader import ViewReader

_PUBLIC = (
    "SELECT tenant_id, status, renditions, leads_to FROM public_assets$suffix WHERE asset_id = ?"
)
_RENDITIONS = msgspec.json.Decoder(tuple[Rendition, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicAsset:
    """An asset as its public URL shows it; renditions are empty until it was published once.

    ``leads_to`` is set for a rejected duplicate whose customer wants the picture that is there.
    """

    asset_id: AssetId
    tenant_id: TenantId
    status: Status
    renditions: tuple[Rendition, ...]
    leads_to: AssetId | None

    @property
    def is_gone(self) -> bool:
        """Whether it was there and is not any more."""
        return self.status in (Status.DELETED, Status.PURGED)

    @property
    def is_served(self) -> bool:
        """Whether there is something to show."""
        return self.status is Status.PUBLISHED and bool(self.renditions)


async def find_public_asset(views: ViewReader, asset_id: AssetId) -> PublicAsset | None:
    """Find what the public may see of an asset."""
    rows = await views.select(PUBLIC_ASSETS, _PUBLIC, (asset_id,))
    if not rows:
        return None
    (row,) = rows
    return PublicAsset(
        asset_id=asset_id,
        tenant_id=row["tenant_id"],
        status=Status(row["status"]),
        renditions=decode_renditions(row["renditions"]),
        leads_to=row["leads_to"] or None,
    )


def decode_renditions(text: str | None) -> tuple[Rendition, ...]:
    """Read the renditions as the views keep them: a JSON array, or nothing."""
    return _RENDITIONS.decode(text) if text else ()
