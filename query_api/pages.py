"""One page of a listing: its items, and the way to the next one."""

from collections.abc import Iterable, Sequence
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from domain.values import CategoryId, CategoryRef
from query_api.answers import Answers
from query_api.catalogues import Catalogues
from query_api.category_tree import CategoryTree
from query_api.cursors import Cursors
from query_api.json_answer import json_answer
from query_api.listing import Shelf, read_page
from query_api.parameters import CategoryListingParameters, ListingParameters
from query_api.reading import Reader
from query_api.shelves import Shelves


class Pages:
    """Reads pages; raises CursorRefused, CategoryNotFound, StoreUnavailable."""

    def __init__(
        self, shelves: Shelves, catalogues: Catalogues, cursors: Cursors, answers: Answers
    ) -> None:
        self._shelves = shelves
        self._catalogues = catalogues
        self._cursors = cursors
        self._answers = answers

    async def by_date(self, request: Request, reader: Reader, asked: ListingParameters) -> Response:
        """Answer with a page of everything a tenant has."""
        tree = await self._catalogues.tree(reader)
        shelf = self._shelves.dates(reader.tenant_id, asked.period, is_fresh=reader.is_fresh)
        bound_to = (reader.tenant_id, "date", *_bounds(asked))
        return await self._page(request, asked, [shelf], tree, bound_to)

    async def by_category(
        self,
        request: Request,
        reader: Reader,
        ref: CategoryRef,
        asked: CategoryListingParameters,
    ) -> Response:
        """Answer with a page of a category, or of it and all below it."""
        tree = await self._catalogues.tree(reader)
        category = tree.listed(ref)
        wanted = tree.below(category) if asked.include_descendants else (category,)
        shelves = [
            self._shelves.category(
                reader.tenant_id,
                CategoryId(one["category_id"]),
                asked.period,
                is_fresh=reader.is_fresh,
            )
            for one in wanted
        ]
        bound_to = (
            reader.tenant_id,
            "categories" if asked.include_descendants else "category",
            category["category_id"],
            *_bounds(asked),
        )
        return await self._page(request, asked, shelves, tree, bound_to)

    async def _page(
        self,
        request: Request,
        asked: ListingParameters,
        shelves: Sequence[Shelf],
        tree: CategoryTree,
        bound_to: Sequence[str],
    ) -> Response:
        place = self._cursors.open(asked.cursor, bound_to) if asked.cursor is not None else None
        page = await read_page(
            shelves, span=asked.period.span, order=asked.order, limit=asked.limit, place=place
        )
        items = [self._answers.item(row, tree) for row in page.rows]
        if page.next_place is None:
            return json_answer({"items": items, "next": None})
        following = _with_cursor(request, self._cursors.seal(page.next_place, bound_to))
        return json_answer(
            {"items": items, "next": following}, headers={"Link": f'<{following}>; rel="next"'}
        )


def _bounds(asked: ListingParameters) -> Iterable[str]:
    """Name all that decides which assets come, and in which order; not how many at once."""
    span = asked.period.span
    return (asked.order, str(span.after[0]), str(span.before[0]))


def _with_cursor(request: Request, cursor: str) -> str:
    """Name this listing again, from that place on."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f"{quote(request.url.path)}?{urlencode([*kept, ('cursor', cursor)])}"
