"""GET /v1/assets: one asset, its history, and all of them by date."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import AssetNotFound
from domain.values import AssetId
from infra.http.errors import RequestInvalid
from infra.http.openapi import documented
from query_api.duplicates import DuplicateSearch
from query_api.errors import AssetGone, CursorRefused, ViewBehind
from query_api.images.public_urls import PublicUrls
from query_api.listing.asset_pages import AssetPages
from query_api.listing.category_tree_cache import CategoryTreeCache
from query_api.parameters import (
    AssetAsOfParameters,
    AssetIdPath,
    ListingParameters,
    openapi_parameters,
    query_parameters,
)
from query_api.read_context import READ_HEADERS, ReadContext, ReadContextFactory
from query_api.responses.asset_history import HistoryAnswer, history_answer
from query_api.responses.assets import AssetAnswer, asset_answer
from query_api.responses.duplicates import DuplicatesAnswer, duplicates_answer
from query_api.responses.json_response import json_response, page_response, versioned_response
from query_api.responses.listings import PageAnswer
from query_api.time_travel.asset_as_of import asset_as_of
from read_models.asset_by_id.projection import ASSET_BY_ID
from read_models.asset_by_id.queries import find_asset
from read_models.asset_history.projection import ASSET_HISTORY
from read_models.asset_history.queries import asset_history
from read_models.assets_by_content.projection import ASSETS_BY_CONTENT
from read_models.assets_by_date.projection import ASSETS_BY_DATE
from read_models.categories.projection import CATEGORIES
from read_models.categories_as_of.projection import CATEGORIES_AS_OF
from read_models.listings_as_of.projection import LISTINGS_AS_OF
from read_models.similar_assets.projection import SIMILAR_ASSETS
from read_models.time import moment
from read_models.view_reader import ViewReader

_PAST_LISTINGS = (LISTINGS_AS_OF, CATEGORIES_AS_OF)
_PRESENT_ASSETS = (ASSET_BY_ID, ASSETS_BY_CONTENT, CATEGORIES)
_PAST_ASSETS = (ASSET_HISTORY, CATEGORIES_AS_OF)


def routes(
    read_contexts: ReadContextFactory,
    views: ViewReader,
    category_trees: CategoryTreeCache,
    asset_pages: AssetPages,
    urls: PublicUrls,
) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/v1/assets", tags=["assets"])
    duplicates = DuplicateSearch(views)

    @router.get(
        "",
        response_model=PageAnswer,
        responses=documented(CursorRefused, RequestInvalid, ViewBehind),
        openapi_extra={"parameters": [*READ_HEADERS, *openapi_parameters(ListingParameters)]},
    )
    async def list_assets(
        request: Request,
        context: Annotated[
            ReadContext, Depends(read_contexts.of(ASSETS_BY_DATE, CATEGORIES, past=_PAST_LISTINGS))
        ],
        asked: Annotated[ListingParameters, Depends(query_parameters(ListingParameters))],
    ) -> Response:
        """List published assets by the moment they were handed over."""
        if asked.as_of is not None:
            context = await read_contexts.wait_for_moment(
                request, context, asked.as_of, *_PAST_LISTINGS
            )
        page = await asset_pages.page(request, context, asked)
        return page_response(page, is_settled=context.is_settled)

    @router.get(
        "/{asset_id}",
        response_model=AssetAnswer,
        responses=documented(AssetNotFound, AssetGone, RequestInvalid, ViewBehind),
        openapi_extra={"parameters": [*READ_HEADERS, *openapi_parameters(AssetAsOfParameters)]},
    )
    async def show_asset(
        request: Request,
        asset_id: AssetIdPath,
        context: Annotated[
            ReadContext, Depends(read_contexts.of(*_PRESENT_ASSETS, past=_PAST_ASSETS))
        ],
        asked: Annotated[AssetAsOfParameters, Depends(query_parameters(AssetAsOfParameters))],
    ) -> Response:
        """Show an asset in any state, as it is or as it was; `ETag` is its version."""
        if asked.as_of is not None or asked.version is not None:
            return await show_past(request, asset_id, context, asked)
        row = await find_asset(views, context.tenant_id, asset_id)
        if row is None:
            raise AssetNotFound(f"no asset has the id {asset_id}")
        original = await duplicates.original_of(context.tenant_id, row)
        answer = asset_answer(row, await category_trees.tree(context), urls, original)
        return versioned_response(request, answer, row["version"])

    async def show_past(
        request: Request, asset_id: AssetId, context: ReadContext, asked: AssetAsOfParameters
    ) -> Response:
        if asked.as_of is not None:
            context = await read_contexts.wait_for_moment(
                request, context, asked.as_of, *_PAST_ASSETS
            )
        row = asset_as_of(await asset_history(views, context.tenant_id, asset_id), asset_id, asked)
        tree = await category_trees.tree(context, asked.as_of or moment(row["updated_at_us"]))
        answer = asset_answer(row, tree, urls)
        return versioned_response(request, answer, row["version"], is_settled=context.is_settled)

    @router.get(
        "/{asset_id}/duplicates",
        response_model=DuplicatesAnswer,
        responses=documented(AssetNotFound, ViewBehind),
        openapi_extra={"parameters": READ_HEADERS},
    )
    async def list_duplicates(
        asset_id: AssetIdPath,
        context: Annotated[
            ReadContext, Depends(read_contexts.of(ASSET_BY_ID, ASSETS_BY_CONTENT, SIMILAR_ASSETS))
        ],
    ) -> Response:
        """List published assets with the same bytes, and some that look almost the same."""
        row = await find_asset(views, context.tenant_id, asset_id)
        if row is None:
            raise AssetNotFound(f"no asset has the id {asset_id}")
        found = await duplicates.like(context.tenant_id, row)
        return json_response(duplicates_answer(found, urls))

    @router.get(
        "/{asset_id}/events",
        response_model=HistoryAnswer,
        responses=documented(AssetNotFound, ViewBehind),
        openapi_extra={"parameters": READ_HEADERS},
    )
    async def list_events(
        asset_id: AssetIdPath,
        context: Annotated[ReadContext, Depends(read_contexts.of(ASSET_HISTORY))],
    ) -> Response:
        """List all that ever happened to an asset, the first first."""
        rows = await asset_history(views, context.tenant_id, asset_id)
        if not rows:
            raise AssetNotFound(f"no asset has the id {asset_id}")
        return json_response(history_answer(rows))

    return router
