"""What the public may know of an asset: whether it is there, and its renditions."""

from dataclasses import dataclass

import msgspec

from domain.values import AssetId, Rendition, Status, TenantId

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


def decode_renditions(text: str | None) -> tuple[Rendition, ...]:
    """Read the renditions as the views keep them: a JSON array, or nothing."""
    return _RENDITIONS.decode(text) if text else ()
