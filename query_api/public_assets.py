"""What the public may know of an asset: whether it is there, and its renditions."""

import re
from dataclasses import dataclass

import msgspec

from domain.values import AssetId, BlobKey, Sha256, Status

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PublicRendition(msgspec.Struct, frozen=True, kw_only=True):
    """One public form of a picture, as the view has it."""

    name: str
    blob_key: BlobKey
    sha256: Sha256
    size_bytes: int
    media_type: str
    width: int
    height: int

    @property
    def etag(self) -> str:
        """Name the bytes, strongly."""
        return f'"{self.sha256}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicAsset:
    """An asset as its public URL shows it; renditions are empty until it was published once."""

    asset_id: AssetId
    status: Status
    renditions: tuple[PublicRendition, ...]

    @property
    def is_gone(self) -> bool:
        """Whether it was there and is not any more."""
        return self.status in (Status.DELETED, Status.PURGED)


def may_be_asset_id(word: str) -> bool:
    """Tell whether a word from a URL is worth a look into the view."""
    return _UUID.fullmatch(word) is not None


_renditions = msgspec.json.Decoder(tuple[PublicRendition, ...])


def renditions(text: str | None) -> tuple[PublicRendition, ...]:
    """Read the renditions as the views keep them: a JSON array."""
    return _renditions.decode(text) if text else ()
