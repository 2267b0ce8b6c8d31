"""The public URLs of pictures."""

from domain.values import AssetId, Sha256

EXTENSION_OF = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
}
MEDIA_TYPE_OF = {extension: media_type for media_type, extension in EXTENSION_OF.items()} | {
    "jpeg": "image/jpeg"
}
THUMBNAIL = "thumb"
_VERSION_DIGITS = 16


class PublicUrls:
    """Writes public URLs; those with ``?v=`` name their content and may be cached for ever."""

    def __init__(self, base_url: str) -> None:
        self._images = f"{base_url.rstrip('/')}/i/"

    def asset(self, asset_id: AssetId) -> str:
        """Name an asset's picture: it stays when the picture is replaced."""
        return self._images + asset_id

    def thumbnail(self, asset_id: AssetId, sha256: Sha256) -> str:
        """Name an asset's thumbnail as it is now."""
        return f"{self._images}{asset_id}/{THUMBNAIL}?v={sha256[:_VERSION_DIGITS]}"

    def transformed(self, asset_id: AssetId, words: str, signature: str) -> str:
        """Name what is made of an asset's picture on demand."""
        return f"{self._images}{asset_id}/{words}?s={signature}"

    def rendition(self, asset_id: AssetId, name: str, media_type: str, sha256: Sha256) -> str:
        """Name one rendition as it is now."""
        file_name = f"{name}.{EXTENSION_OF[media_type]}"
        return f"{self._images}{asset_id}/{file_name}?v={sha256[:_VERSION_DIGITS]}"


def is_version_of(version: str | None, sha256: Sha256) -> bool:
    """Tell whether a ``?v=`` names this content."""
    return version is not None and version == sha256[:_VERSION_DIGITS]
