"""GET /v1/categories: the tree, one category, and what is in it."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import CategoryNotFound
from domain.values import CategoryRef
from infra.http.errors import RequestInvalid
from infra.http.openapi import documented
from query_api.errors import CursorRefused, ViewBehind
from query_api.listing.asset_pages import AssetPages
from query_api.listing.category_pages import CategoryPages
from query_api.listing.category_tree_cache import CategoryTreeCache
from query_api.parameters import (
    AsOfParameters,
    CategoryListingParameters,
    CategoryTreeParameters,
    openapi_parameters,
    query_parameters,
)
from query_api.read_context import READ_HEADERS, ReadContext, ReadContextFactory
from query_api.responses.categories import CategoriesAnswer, CategoryAnswer, category_answer
from query_api.responses.json_response import page_response, versioned_response
from query_api.responses.listings import PageAnswer
from read_models.assets_by_category.projection import ASSETS_BY_CATEGORY
from read_models.assets_by_date.projection import ASSETS_BY_DATE
from read_models.categories.projection import CATEGORIES
from read_models.categories_as_of.projection import CATEGORIES_AS_OF
from read_models.listings_as_of.projection import LISTINGS_AS_OF

_PAST_LISTINGS = (LISTINGS_AS_OF, CATEGORIES_AS_OF)


def routes(
    read_contexts: ReadContextFactory,
    category_trees: CategoryTreeCache,
    category_pages: CategoryPages,
    asset_pages: AssetPages,
) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/v1/categories", tags=["categories"])
    of_tree = Depends(read_contexts.of(CATEGORIES, past=(CATEGORIES_AS_OF,)))

    async def at_moment(
        request: Request, context: ReadContext, as_of: datetime | None
    ) -> ReadContext:
        if as_of is None:
            return context
        return await read_contexts.wait_for_moment(request, context, as_of, CATEGORIES_AS_OF)

    @router.get(
        "",
        response_model=CategoriesAnswer,
        responses=documented(CursorRefused, RequestInvalid, ViewBehind),
        openapi_extra={"parameters": [*READ_HEADERS, *openapi_parameters(CategoryTreeParameters)]},
    )
    async def list_categories(
        request: Request,
        context: Annotated[ReadContext, of_tree],
        asked: Annotated[CategoryTreeParameters, Depends(query_parameters(CategoryTreeParameters))],
    ) -> Response:
        """List the tree page by page, sorted so that what hangs together stands together."""
        context = await at_moment(request, context, asked.as_of)
        tree = await category_trees.tree(context, asked.as_of)
        page = category_pages.page(request, context, asked, tree)
        return page_response(page, is_settled=context.is_settled)

    @router.get(
        "/{category}",
        response_model=CategoryAnswer,
        responses=documented(CategoryNotFound, RequestInvalid, ViewBehind),
        openapi_extra={"parameters": [*READ_HEADERS, *openapi_parameters(AsOfParameters)]},
    )
    async def show_category(
        request: Request,
        category: CategoryRef,
        context: Annotated[ReadContext, of_tree],
        asked: Annotated[AsOfParameters, Depends(query_parameters(AsOfParameters))],
    ) -> Response:
        """Show a category by slug or id, archived or not; `ETag` is its version.

        For a moment of the past it is found by the slug that it had then.
        """
        context = await at_moment(request, context, asked.as_of)
        tree = await category_trees.tree(context, asked.as_of)
        row = tree.find(category)
        answer = category_answer(row, tree.path(row))
        return versioned_response(request, answer, row["version"], is_settled=context.is_settled)

    @router.get(
        "/{category}/assets",
        response_model=PageAnswer,
        responses=documented(CategoryNotFound, CursorRefused, RequestInvalid, ViewBehind),
        openapi_extra={
            "parameters": [*READ_HEADERS, *openapi_parameters(CategoryListingParameters)]
        },
    )
    async def list_assets(
        request: Request,
        category: CategoryRef,
        context: Annotated[
            ReadContext,
            Depends(read_contexts.of(ASSETS_BY_CATEGORY, CATEGORIES, past=_PAST_LISTINGS)),
        ],
        asked: Annotated[
            CategoryListingParameters, Depends(query_parameters(CategoryListingParameters))
        ],
    ) -> Response:
        """List the published assets of a category, the newest first unless asked otherwise."""
        if asked.as_of is not None:
            context = await read_contexts.wait_for_moment(
                request, context, asked.as_of, *_PAST_LISTINGS
            )
        elif asked.include_descendants:  # of many categories it is read from the listing by date
            await read_contexts.wait_for_writes(request, context.tenant_id, (ASSETS_BY_DATE,))
        page = await asset_pages.page(request, context, asked, category)
        return page_response(page, is_settled=context.is_settled)

    return router
