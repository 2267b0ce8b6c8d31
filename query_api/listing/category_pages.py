"""Pages of a category tree, in the order of a walk through it."""

import json
from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice

from starlette.requests import Request

from query_api.errors import CursorRefused
from query_api.listing.asset_pages import next_page_url
from query_api.listing.category_tree import CategoryTree
from query_api.parameters import CategoryTreeParameters
from query_api.read_context import ReadContext
from query_api.responses.categories import CategoriesAnswer, category_answer
from query_api.responses.json_response import JsonPage, encode_json
from query_api.signed_tokens import TokenSigner
from read_models.time import microseconds

_LABEL = b"scalehoster category cursor 1"


class CategoryPages:
    """Writes pages of trees.

    A cursor names the path of the last category that was shown. Categories that come, go or move
    between two pages make no other one appear twice or be left out.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._signer = TokenSigner(
            secrets, _LABEL, at_most=CategoryTreeParameters.MOST_CURSOR_CHARACTERS
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
            shown = tuple(self._opened(asked.cursor, bound_to))
            begin = bisect_right(walk, shown, key=lambda step: step[0])
        wanted = (
            step
            for step in islice(walk, begin, None)
            if asked.include_archived or not step[1]["is_archived"]
        )
        steps = list(islice(wanted, asked.limit + 1))
        next_url = None
        if len(steps) > asked.limit:
            last = json.dumps(steps[asked.limit - 1][0]).encode()
            path, query = request.scope["path"], request.scope["query_string"]
            next_url = next_page_url(
                path, query.decode("ascii", "replace"), self._signer.seal(last, bound_to)
            )
        answer: CategoriesAnswer = {
            "items": [category_answer(row, tree.path(row)) for _, row in steps[: asked.limit]],
            "next": next_url,
        }
        return JsonPage(content=encode_json(answer), next_url=next_url)

    def _opened(self, cursor: str, bound_to: Sequence[str]) -> Sequence[str]:
        body = self._signer.open(cursor, bound_to)
        if body is None:
            raise CursorRefused(
                "this cursor does not belong to this query; take it from `next` of the page "
                "before, and keep all other parameters as they were",
                errors=[{"detail": "not a cursor of this query", "parameter": "cursor"}],
            )
        slugs: list[str] = json.loads(body)
        return slugs


def _moment(asked: CategoryTreeParameters) -> str:
    return "" if asked.as_of is None else str(microseconds(asked.as_of))
