"""Pages of a category tree, in the order of a walk through it."""

import json
from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice

import msgspec
from starlette.requests import Request

from query_api.errors import CursorRefused
from query_api.listing.asset_pages import JsonPage, next_page_url
from query_api.listing.category_tree import CategoryTree
from query_api.parameters import CategoryTreeParameters
from query_api.read_context import ReadContext
from query_api.responses.mapper import ResponseMapper
from query_api.signed_tokens import TokenSigner
from read_models.time import microseconds

_LABEL = b"scalehoster category cursor 1"


class CategoryPages:
    """Writes pages of trees.

    A cursor names the path of the last category that was shown. Categories that come, go or move
    between two pages make no other one appear twice or be left out.
    """

    def __init__(self, mapper: ResponseMapper, secrets: Sequence[str]) -> None:
        self._mapper = mapper
        self._signer = TokenSigner(
            secrets, _LABEL, at_most=CategoryTreeParameters.MOST_CURSOR_CHARACTERS
        )
        self._encode = msgspec.json.Encoder().encode

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
        items = [self._mapper.category(row, tree) for _, row in steps[: asked.limit]]
        content = self._encode({"items": items, "next": next_url})
        return JsonPage(content=content, next_url=next_url)

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
