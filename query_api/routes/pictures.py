"""GET /i: the public URLs; they need no key."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from domain.transformations import is_transformation
from infra.errors import Overloaded, TransformationFailed
from infra.http.errors import RangeNotSatisfiable
from infra.http.openapi import documented
from query_api.errors import (
    AssetGone,
    PictureNotFound,
    TransformationNotSigned,
    TransformationUnclear,
)
from query_api.images.on_demand import OnDemandRenditions
from query_api.images.public_renditions import PublicRenditions
from query_api.images.public_urls import EXTENSION_OF
from query_api.parameters import AssetIdPath
from query_api.read_context import ReadContextFactory
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.public_assets.projection import PUBLIC_ASSETS

_BYTES = {
    media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in EXTENSION_OF
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture", "content": _BYTES},
    206: {"description": "The part of it that was asked for", "content": _BYTES},
    304: {"description": "The client has it already"},
    307: {"description": "A duplicate that was not wanted twice: the picture is at `Location`"},
    **documented(
        PictureNotFound,
        AssetGone,
        RangeNotSatisfiable,
        TransformationUnclear,
        TransformationNotSigned,
        TransformationFailed,
        Overloaded,
    ),
}


def routes(
    read_contexts: ReadContextFactory, renditions: PublicRenditions, on_demand: OnDemandRenditions
) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/i", tags=["pictures"])

    @router.head("/{asset_id}", include_in_schema=False)
    @router.get("/{asset_id}", response_class=Response, responses=_RESPONSES)
    async def show_picture(request: Request, asset_id: AssetIdPath) -> Response:
        """Show a picture in the form that the client likes best."""
        is_fresh = await read_contexts.wait_for_writes_if_authenticated(request, (PUBLIC_ASSETS,))
        return await renditions.serve(request, asset_id, None, is_fresh=is_fresh)

    @router.head("/{asset_id}/{file_name}", include_in_schema=False)
    @router.get("/{asset_id}/{file_name}", response_class=Response, responses=_RESPONSES)
    async def show_rendition(request: Request, asset_id: AssetIdPath, file_name: str) -> Response:
        """Show one rendition: `large.webp`, or `large` in the best format.

        Or one that is made when it is first asked for: `w_800,h_600,fit_cover,f_webp`, with the
        signature `s` that `/v1/assets/{asset_id}/transformations/…` gives.
        """
        is_made = is_transformation(file_name)
        views = (PUBLIC_ASSETS, ASSET_BY_ID) if is_made else (PUBLIC_ASSETS,)
        is_fresh = await read_contexts.wait_for_writes_if_authenticated(request, views)
        if is_made:
            return await on_demand.serve(request, asset_id, file_name, is_fresh=is_fresh)
        return await renditions.serve(request, asset_id, file_name, is_fresh=is_fresh)

    return router
