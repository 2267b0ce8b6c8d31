"""GET /v1/categories: the tree, one category, and what is in it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import CategoryNotFound
from domain.values import CategoryRef
from infra.web.errors import RequestInvalid
from infra.web.openapi import documented
from query_api.answers import Answers
from query_api.catalogues import Catalogues
from query_api.errors import CursorRefused, ViewBehind
from query_api.json_answer import json_answer, page_answer, versioned_answer
from query_api.models import CategoriesAnswer, CategoryAnswer, PageAnswer
from query_api.pages import Pages
from query_api.parameters import CategoryListingParameters, asked_for, described
from query_api.reading import HEADERS, Reader, Reading
from query_api.views import ASSETS_BY_CATEGORY, CATEGORIES, CATEGORIES_AS_OF, LISTINGS_AS_OF

_PAST = (LISTINGS_AS_OF, CATEGORIES_AS_OF)


def routes(reading: Reading, catalogues: Catalogues, pages: Pages, answers: Answers) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/v1/categories", tags=["categories"])
    of_tree = Depends(reading.of(CATEGORIES))

    @router.get(
        "",
        response_model=CategoriesAnswer,
        responses=documented(ViewBehind),
        openapi_extra={"parameters": HEADERS},
    )
    async def list_categories(
        reader: Annotated[Reader, of_tree],
        include_archived: Annotated[bool, Query()] = False,  # noqa: FBT002 - by name, from a query
    ) -> Response:
        """List the whole tree, sorted so that what hangs together stands together."""
        tree = await catalogues.tree(reader)
        shown = [row for row in tree if include_archived or not row["is_archived"]]
        items = [answers.category(row, tree) for row in shown]
        return json_answer({"items": sorted(items, key=lambda item: item["path"].split("/"))})

    @router.get(
        "/{category}",
        response_model=CategoryAnswer,
        responses=documented(CategoryNotFound, ViewBehind),
        openapi_extra={"parameters": HEADERS},
    )
    async def show_category(
        request: Request, category: CategoryRef, reader: Annotated[Reader, of_tree]
    ) -> Response:
        """Show a category by slug or id, archived or not; `ETag` is its version."""
        tree = await catalogues.tree(reader)
        row = tree.find(category)
        return versioned_answer(request, answers.category(row, tree), row["version"])

    @router.get(
        "/{category}/assets",
        response_model=PageAnswer,
        responses=documented(CategoryNotFound, CursorRefused, RequestInvalid, ViewBehind),
        openapi_extra={"parameters": [*HEADERS, *described(CategoryListingParameters)]},
    )
    async def list_assets(
        request: Request,
        category: CategoryRef,
        reader: Annotated[Reader, Depends(reading.of(ASSETS_BY_CATEGORY, CATEGORIES, past=_PAST))],
        asked: Annotated[CategoryListingParameters, Depends(asked_for(CategoryListingParameters))],
    ) -> Response:
        """List the published assets of a category, the newest first unless asked otherwise."""
        if asked.as_of is not None:
            reader = await reading.going_back(request, reader, asked.as_of, *_PAST)
        page = await pages.page(request, reader, asked, category)
        return page_answer(page, is_settled=reader.is_settled)

    return router
