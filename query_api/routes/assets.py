"""GET /v1/assets: one asset, its history, and all of them by date."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import AssetNotFound
from domain.values import AssetId
from infra.web.errors import RequestInvalid
from infra.web.openapi import documented
from query_api.answers import ResponseMapper
from query_api.catalogues import CategoryTreeCache
from query_api.duplicates import DuplicateSearch
from query_api.errors import AssetGone, CursorRefused, ViewBehind
from query_api.json_answer import json_response, page_response, versioned_response
from query_api.models import AssetAnswer, DuplicatesAnswer, HistoryAnswer, PageAnswer
from query_api.moments import moment
from query_api.pages import AssetPages
from query_api.parameters import (
    AssetAsOfParameters,
    AssetIdPath,
    ListingParameters,
    openapi_parameters,
    query_parameters,
)
from query_api.past_assets import asset_as_of
from query_api.queries import Queries
from query_api.reading import READ_HEADERS, ReadContext, ReadContextFactory
from query_api.views import (
    ASSET_BY_ID,
    ASSET_HISTORY,
    ASSETS_BY_CONTENT,
    ASSETS_BY_DATE,
    CATEGORIES,
    CATEGORIES_AS_OF,
    LISTINGS_AS_OF,
    SIMILAR_ASSETS,
)

_PAST_LISTINGS = (LISTINGS_AS_OF, CATEGORIES_AS_OF)
_PRESENT_ASSETS = (ASSET_BY_ID, ASSETS_BY_CONTENT, CATEGORIES)
_PAST_ASSETS = (ASSET_HISTORY, CATEGORIES_AS_OF)


def routes(
    reading: ReadContextFactory,
    queries: Queries,
    catalogues: CategoryTreeCache,
    pages: AssetPages,
    answers: ResponseMapper,
) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/v1/assets", tags=["assets"])
    duplicates = DuplicateSearch(queries)

    @router.get(
        "",
        response_model=PageAnswer,
        responses=documented(CursorRefused, RequestInvalid, ViewBehind),
        openapi_extra={"parameters": [*READ_HEADERS, *openapi_parameters(ListingParameters)]},
    )
    async def list_assets(
        request: Request,
        reader: Annotated[
            ReadContext, Depends(reading.of(ASSETS_BY_DATE, CATEGORIES, past=_PAST_LISTINGS))
        ],
        asked: Annotated[ListingParameters, Depends(query_parameters(ListingParameters))],
    ) -> Response:
        """List published assets by the moment they were handed over."""
        if asked.as_of is not None:
            reader = await reading.wait_for_moment(request, reader, asked.as_of, *_PAST_LISTINGS)
        page = await pages.page(request, reader, asked)
        return page_response(page, is_settled=reader.is_settled)

    @router.get(
        "/{asset_id}",
        response_model=AssetAnswer,
        responses=documented(AssetNotFound, AssetGone, RequestInvalid, ViewBehind),
        openapi_extra={"parameters": [*READ_HEADERS, *openapi_parameters(AssetAsOfParameters)]},
    )
    async def show_asset(
        request: Request,
        asset_id: AssetIdPath,
        reader: Annotated[ReadContext, Depends(reading.of(*_PRESENT_ASSETS, past=_PAST_ASSETS))],
        asked: Annotated[AssetAsOfParameters, Depends(query_parameters(AssetAsOfParameters))],
    ) -> Response:
        """Show an asset in any state, as it is or as it was; `ETag` is its version."""
        if asked.as_of is not None or asked.version is not None:
            return await show_past(request, asset_id, reader, asked)
        row = await queries.asset(reader.tenant_id, asset_id)
        if row is None:
            raise AssetNotFound(f"no asset has the id {asset_id}")
        original = await duplicates.original_of(reader.tenant_id, row)
        answer = answers.asset(row, await catalogues.tree(reader), original)
        return versioned_response(request, answer, row["version"])

    async def show_past(
        request: Request, asset_id: AssetId, reader: ReadContext, asked: AssetAsOfParameters
    ) -> Response:
        if asked.as_of is not None:
            reader = await reading.wait_for_moment(request, reader, asked.as_of, *_PAST_ASSETS)
        row = asset_as_of(await queries.history(reader.tenant_id, asset_id), asset_id, asked)
        tree = await catalogues.tree(reader, asked.as_of or moment(row["updated_at_us"]))
        answer = answers.asset(row, tree)
        return versioned_response(request, answer, row["version"], is_settled=reader.is_settled)

    @router.get(
        "/{asset_id}/duplicates",
        response_model=DuplicatesAnswer,
        responses=documented(AssetNotFound, ViewBehind),
        openapi_extra={"parameters": READ_HEADERS},
    )
    async def list_duplicates(
        asset_id: AssetIdPath,
        reader: Annotated[
            ReadContext, Depends(reading.of(ASSET_BY_ID, ASSETS_BY_CONTENT, SIMILAR_ASSETS))
        ],
    ) -> Response:
        """List published assets with the same bytes, and some that look almost the same."""
        row = await queries.asset(reader.tenant_id, asset_id)
        if row is None:
            raise AssetNotFound(f"no asset has the id {asset_id}")
        return json_response(answers.duplicates(await duplicates.like(reader.tenant_id, row)))

    @router.get(
        "/{asset_id}/events",
        response_model=HistoryAnswer,
        responses=documented(AssetNotFound, ViewBehind),
        openapi_extra={"parameters": READ_HEADERS},
    )
    async def list_events(
        asset_id: AssetIdPath, reader: Annotated[ReadContext, Depends(reading.of(ASSET_HISTORY))]
    ) -> Response:
        """List all that ever happened to an asset, the first first."""
        rows = await queries.history(reader.tenant_id, asset_id)
        if not rows:
            raise AssetNotFound(f"no asset has the id {asset_id}")
        return json_response({"items": answers.history(rows)})

    return router
