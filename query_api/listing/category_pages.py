"""Pages of a category tree, in the order of a walk through it."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice

from starlette.requests import Request

from query_api.listing.category_tree import CategoryTree
from query_api.listing.cursors import CATEGORY_TREE, CursorCodec, next_page_url
from query_api.parameters import CategoryTreeParameters
from query_api.read_context import ReadContext
from query_api.responses.categories import CategoriesAnswer, category_answer
from query_api.responses.json_response import JsonPage, encode_json
from read_models.time import microseconds


class CategoryPages:
    """Writes pages of trees.

    A cursor names the path of the last category that was shown. Categories that come, go or move
    between two pages make no other one appear twice or be left out.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._cursors = CursorCodec(
            secrets, CATEGORY_TREE, at_most=CategoryTreeParameters.MOST_CURSOR_CHARACTERS
        )

    def page(
        self,
        request: Request,
        context: ReadContext,
        asked: CategoryTreeParameters,
        tree: CategoryTree,
    ) -> JsonPage:
        """Give a page of a tree; raises CursorRefused."""
        bound_to = [context.tenant_id, str(asked.include_archived), _moment(asked)]
        walk = tree.walk()
        begin = 0
        if asked.cursor is not None:
            shown = tuple(self._cursors.decode(asked.cursor, bound_to))
            begin = bisect_right(walk, shown, key=lambda step: step[0])
        wanted = (
            step
            for step in islice(walk, begin, None)
            if asked.include_archived or not step[1]["is_archived"]
        )
        steps = list(islice(wanted, asked.limit + 1))
        next_url = None
        if len(steps) > asked.limit:
            cursor = self._cursors.encode(steps[asked.limit - 1][0], bound_to)
            query = request.scope["query_string"].decode("ascii", "replace")
            next_url = next_page_url(request.scope["path"], query, cursor)
        answer: CategoriesAnswer = {
            "items": [category_answer(row, tree.path(row)) for _, row in steps[: asked.limit]],
            "next": next_url,
        }
        return JsonPage(content=encode_json(answer), next_url=next_url)


def _moment(asked: CategoryTreeParameters) -> str:
    return "" if asked.as_of is None else str(microseconds(asked.as_of))
