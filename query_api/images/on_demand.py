"""Pictures that a URL describes: signed, made once, and served like any other."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from domain.asset.blob_keys import asset_folder
from domain.transformations import (
    MEDIA_TYPE_OF,
    InvalidTransformation,
    Transformation,
    derived_key,
    parse_transformation,
)
from domain.values import AssetId, BlobKey, FocalPoint, Original, Sha256, TenantId
from infra.errors import BlobNotFound
from query_api.errors import PictureNotFound, TransformationNotSigned, TransformationUnclear
from query_api.images.blob_cache import BlobCache
from query_api.images.image_response import image_response
from query_api.images.public_renditions import PublicRenditions
from read_models.asset_by_id.queries import find_asset, original_of
from read_models.renditions.on_demand_socket import RenditionRequest
from read_models.single_flight_cache import SingleFlightCache
from read_models.view_reader import ViewReader

_LABEL = b"scalehoster transformation 1"
_SEAL_BYTES = 18
_RECENT_SECONDS = 1.0


class OnDemandRenderer(Protocol):
    """What renders on demand: read_models.renditions.on_demand_socket.RenditionClient."""

    async def make(self, order: RenditionRequest) -> None:
        """Make it; raises Overloaded, BlobNotFound, StoreUnavailable, TransformationFailed."""


class UrlSigner:
    """Signs transformations; the first secret signs, every one of them is accepted."""

    def __init__(self, secrets: Sequence[str], unsigned: Collection[str]) -> None:
        self._keys = [hmac.digest(secret.encode(), _LABEL, "sha256") for secret in secrets]
        self._unsigned = frozenset(unsigned)

    def sign(self, asset_id: AssetId, words: str) -> str:
        """Sign one transformation of one asset."""
        return _signature(self._keys[0], asset_id, words)

    def check(self, asset_id: AssetId, words: str, signature: str) -> None:
        """Raise TransformationNotSigned unless one of the secrets signed just this."""
        if words in self._unsigned:
            return
        given = signature.encode()
        if not any(
            hmac.compare_digest(given, _signature(key, asset_id, words).encode())
            for key in self._keys
        ):
            raise TransformationNotSigned(
                "this URL is not signed by us; "
                f"GET /v1/assets/{asset_id}/transformations/{words[:100]} gives one that is"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _PublishedOriginal:
    """What of an asset a rendition on demand is made of."""

    asset: BlobKey
    original: Original
    is_marked: bool
    focal_point: FocalPoint | None


class OnDemandRenditions:
    """Serves what is made on demand; nothing is made for a URL that nobody signed.

    A watermark lies on it exactly where one lies on what is published of the asset. It is
    ``current_watermark``, the one that the deployment has now.
    """

    def __init__(
        self,
        renditions: PublicRenditions,
        views: ViewReader,
        blob_cache: BlobCache,
        renderer: OnDemandRenderer,
        signatures: UrlSigner,
        current_watermark: Sha256,
    ) -> None:
        self._renditions = renditions
        self._views = views
        self._shown = SingleFlightCache(self._find, ttl_seconds=_RECENT_SECONDS)
        self._blob_cache = blob_cache
        self._renderer = renderer
        self._signatures = signatures
        self._current_watermark = current_watermark

    async def serve(
        self, request: Request, asset_id: AssetId, words: str, *, is_fresh: bool
    ) -> Response:
        """Answer a request for a transformation of an asset's picture.

        Raises TransformationNotSigned, TransformationUnclear, PictureNotFound, AssetGone,
        RangeNotSatisfiable, Overloaded, StoreUnavailable, TransformationFailed.
        """
        self._signatures.check(asset_id, words, request.query_params.get("s", ""))
        wanted = parsed_transformation(words)
        asset = await self._renditions.find(asset_id, is_fresh=is_fresh)
        shown = await self._shown.get((asset.tenant_id, asset_id), fresh=is_fresh)
        data = await self._made(shown, wanted.with_focal_point(shown.focal_point))
        return await image_response(
            request,
            sha256=Sha256(sha256(data).hexdigest()),
            media_type=MEDIA_TYPE_OF[wanted.format],
            size_bytes=len(data),
            read=lambda: _already(data),
        )

    async def _made(self, shown: _PublishedOriginal, wanted: Transformation) -> bytes:
        original, watermark = shown.original, self._current_watermark if shown.is_marked else None
        key = derived_key(shown.asset, original.sha256, wanted, watermark)
        try:
            return await self._blob_cache.get(key)
        except BlobNotFound:
            order = RenditionRequest(
                asset=shown.asset,
                original_key=original.blob_key,
                original=original.sha256,
                words=str(wanted),
                watermark=watermark,
            )
            try:
                await self._renderer.make(order)
                return await self._blob_cache.get(key)
            except BlobNotFound as error:
                raise PictureNotFound("this picture was taken away just now") from error

    async def _find(self, of: tuple[TenantId, AssetId]) -> _PublishedOriginal:
        row = await find_asset(self._views, *of)
        original = original_of(row) if row else None
        if row is None or original is None:
            raise PictureNotFound("this picture is not ready yet")
        return _PublishedOriginal(
            asset=asset_folder(*of),
            original=original,
            is_marked=bool(row["watermark"]),
            focal_point=msgspec.json.decode(row["focal_point"], type=FocalPoint | None),
        )


def parsed_transformation(words: str) -> Transformation:
    """Read the words of a URL; raises TransformationUnclear."""
    try:
        return parse_transformation(words)
    except InvalidTransformation as error:
        raise TransformationUnclear(str(error)) from error


async def _already(data: bytes) -> bytes:
    return data


def _signature(key: bytes, asset_id: AssetId, words: str) -> str:
    seal = hmac.digest(key, f"{asset_id}\n{words}".encode(), "sha256")[:_SEAL_BYTES]
    return urlsafe_b64encode(seal).decode()
