"""Public pictures: find one, and serve the rendition that was asked for."""

import re
from functools import partial
from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from domain.values import AssetId, Rendition, Status
from query_api.errors import AssetGone, PictureNotFound
from query_api.images.blob_cache import BlobCache
from query_api.images.content_negotiation import best_rendition, renditions_named
from query_api.images.image_response import FOR_NOW, image_response
from query_api.images.public_urls import is_version_of
from read_models.public_assets.queries import PublicAsset, find_public_asset
from read_models.single_flight_cache import SingleFlightCache
from read_models.view_reader import ViewReader

_RECENT_SECONDS = 1.0
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class LeadsElsewhere(PictureNotFound):
    """This picture was not taken in, because another asset has it."""

    def __init__(self, asset_id: AssetId) -> None:
        super().__init__(f"the picture is at /i/{asset_id}")
        self.asset_id = asset_id


class PublicRenditions:
    """Serves renditions; what is known of an asset may be a second old."""

    def __init__(self, views: ViewReader, blob_cache: BlobCache) -> None:
        self._recent = SingleFlightCache(
            partial(find_public_asset, views), ttl_seconds=_RECENT_SECONDS, keeps=_may_be_remembered
        )
        self._blob_cache = blob_cache

    async def serve(
        self, request: Request, asset_id: AssetId, file_name: str | None, *, is_fresh: bool
    ) -> Response:
        """Answer a request for an asset's picture, or for one rendition of it.

        A duplicate that was not wanted twice leads to the picture that is there. Raises
        PictureNotFound, AssetGone, RangeNotSatisfiable, StoreUnavailable.
        """
        version = request.query_params.get("v")
        try:
            asset = await self.find(asset_id, is_fresh=is_fresh)
        except LeadsElsewhere as other:
            return _redirect(other.asset_id, file_name)
        if version is not None and not _knows(asset, version):  # the picture may just be replaced
            asset = await self.find(asset_id, is_fresh=True)
        rendition = _chosen(asset, file_name, version, request.headers.get("accept"))
        return await image_response(
            request,
            sha256=rendition.sha256,
            media_type=rendition.media_type,
            size_bytes=rendition.size_bytes,
            read=lambda: self._blob_cache.get(rendition.blob_key),
        )

    async def find(self, asset_id: AssetId, *, is_fresh: bool) -> PublicAsset:
        """Find an asset whose pictures may be shown.

        Raises PictureNotFound, AssetGone; LeadsElsewhere for a duplicate of another one.
        """
        asset = None
        if _UUID.fullmatch(asset_id):  # else not worth a look
            asset = await self._recent.get(asset_id, fresh=is_fresh)
        if asset is not None and asset.is_gone:
            raise AssetGone("this picture was taken away by its owner")
        if asset is not None and asset.status is Status.REJECTED and asset.leads_to:
            raise LeadsElsewhere(asset.leads_to)
        if asset is None or not asset.is_served:
            raise PictureNotFound("there is no picture at this address, or it is not ready yet")
        return asset


def _redirect(asset_id: AssetId, file_name: str | None) -> Response:
    """Lead to the same place of another asset, whatever stands in front of the path."""
    there = f"../{asset_id}/{quote(file_name, safe='')}" if file_name else asset_id
    headers = {"Location": there, "Cache-Control": FOR_NOW}
    return Response(status_code=HTTPStatus.TEMPORARY_REDIRECT, headers=headers)


def _may_be_remembered(asset: PublicAsset | None) -> bool:
    """Forget at once that a picture was not there: it may come the next moment."""
    return asset is not None and asset.is_served


def _knows(asset: PublicAsset, version: str) -> bool:
    return any(is_version_of(version, rendition.sha256) for rendition in asset.renditions)


def _chosen(
    asset: PublicAsset, file_name: str | None, version: str | None, accept: str | None
) -> Rendition:
    """Take the rendition whose content is named, else the best of those whose name fits."""
    fitting = renditions_named(asset.renditions, file_name) if file_name else asset.renditions
    if not fitting:
        raise PictureNotFound(f"this picture has no rendition {file_name}")
    for rendition in fitting:
        if is_version_of(version, rendition.sha256):
            return rendition
    return best_rendition(fitting, accept)
