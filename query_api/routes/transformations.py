"""GET /v1/assets/…/transformations: a public URL for a rendition that is made on demand."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from domain.errors import AssetNotFound
from infra.http.openapi import documented
from query_api.errors import TransformationUnclear, ViewBehind
from query_api.images.on_demand import UrlSigner, parsed_transformation
from query_api.images.public_urls import PublicUrls
from query_api.parameters import AssetIdPath
from query_api.read_context import READ_HEADERS, ReadContext, ReadContextFactory
from query_api.responses.json_response import json_response
from query_api.responses.transformations import TransformationAnswer
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.asset_by_id.queries import find_asset
from read_models.view_reader import ViewReader


def routes(
    read_contexts: ReadContextFactory, views: ViewReader, signatures: UrlSigner, urls: PublicUrls
) -> APIRouter:
    """Make the route."""
    router = APIRouter(prefix="/v1/assets", tags=["assets"])

    @router.get(
        "/{asset_id}/transformations/{transformation}",
        response_model=TransformationAnswer,
        responses=documented(AssetNotFound, TransformationUnclear, ViewBehind),
        openapi_extra={"parameters": READ_HEADERS},
    )
    async def sign_transformation(
        asset_id: AssetIdPath,
        transformation: str,
        context: Annotated[ReadContext, Depends(read_contexts.of(ASSET_BY_ID))],
    ) -> Response:
        """Give the public URL of a rendition that is made when it is first asked for.

        The words are `w_` and `h_` (pixels, 4096 at most), `fit_` (inside, cover, contain), `g_`
        (centre, attention, or a focal point such as `g_fp_0.3_0.7`: shares of the upright picture's
        width and height), `f_` (webp, jpg) and `q_` (1 to 100), with commas between them. Where
        fit_cover has no `g_` beside it, the asset's own focal point is kept, or the middle.
        """
        if await find_asset(views, context.tenant_id, asset_id) is None:
            raise AssetNotFound(f"no asset has the id {asset_id}")
        words = str(parsed_transformation(transformation))
        signature = signatures.sign(asset_id, words)
        answer: TransformationAnswer = {
            "transformation": words,
            "url": urls.transformed(asset_id, words, signature),
        }
        return json_response(answer)

    return router
