"""One page of a listing: its items, and the way to the next one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
from starlette.requests import Request

from domain.values import CategoryId, CategoryRef
from query_api.answers import Answers
from query_api.catalogues import Catalogues
from query_api.category_tree import CategoryTree
from query_api.cursors import Cursors
from query_api.listing import Shelf, read_page
from query_api.moments import microseconds
from query_api.parameters import CategoryListingParameters, ListingParameters
from query_api.past_shelves import PastShelves, ShelvesThen
from query_api.reading import Reader
from query_api.recent import Recent
from query_api.shelves import Shelves

_SHARED_SECONDS = 0.05
_SHARED_PAGES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A page that was asked for; two of one tenant and one URL are the same page."""

    tenant_id: str
    path: str
    query: str
    reader: Reader = field(compare=False)
    asked: ListingParameters = field(compare=False)
    ref: CategoryRef | None = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page as JSON, and the URL of the next one."""

    content: bytes
    following: str | None


class Pages:
    """Reads pages; whoever asks for one within the same 50 ms shares one read.

    Raises CursorRefused, CategoryNotFound, StoreUnavailable.
    """

    def __init__(
        self,
        shelves: Shelves,
        past_shelves: PastShelves,
        catalogues: Catalogues,
        cursors: Cursors,
        answers: Answers,
    ) -> None:
        self._shelves = shelves
        self._past_shelves = past_shelves
        self._catalogues = catalogues
        self._cursors = cursors
        self._answers = answers
        self._encode = msgspec.json.Encoder().encode
        self._shared = Recent(self._read, for_seconds=_SHARED_SECONDS, at_most=_SHARED_PAGES)

    async def page(
        self,
        request: Request,
        reader: Reader,
        asked: ListingParameters,
        ref: CategoryRef | None = None,
    ) -> Page:
        """Give a page of a category, or of everything by date when none is named."""
        wanted = _Wanted(
            tenant_id=reader.tenant_id,
            path=request.scope["path"],
            query=request.scope["query_string"].decode("ascii", "replace"),
            reader=reader,
            asked=asked,
            ref=ref,
        )
        return await self._shared.get(wanted, fresh=reader.is_fresh)

    async def _read(self, wanted: _Wanted) -> Page:
        asked = wanted.asked
        tree = await self._catalogues.tree(wanted.reader, asked.as_of)
        if wanted.ref is None:
            shelves, named = await self._of_all(wanted)
        else:
            shelves, named = await self._of_category(wanted, wanted.ref, tree)
        bound_to = (wanted.tenant_id, *named, *_bounds(asked))
        place = self._cursors.open(asked.cursor, bound_to) if asked.cursor is not None else None
        found = await read_page(
            shelves, span=asked.period.span, order=asked.order, limit=asked.limit, place=place
        )
        following = None
        if found.next_place is not None:
            following = _with_cursor(wanted, self._cursors.seal(found.next_place, bound_to))
        items = [self._answers.item(row, tree) for row in found.rows]
        return Page(content=self._encode({"items": items, "next": following}), following=following)

    async def _of_all(self, wanted: _Wanted) -> tuple[Sequence[Shelf], Sequence[str]]:
        reader = wanted.reader
        shelf = await self._opener(wanted.asked).dates(
            reader.tenant_id, wanted.asked.period, is_fresh=reader.is_fresh
        )
        return [shelf], ["date"]

    async def _of_category(
        self, wanted: _Wanted, ref: CategoryRef, tree: CategoryTree
    ) -> tuple[Sequence[Shelf], Sequence[str]]:
        reader, asked = wanted.reader, wanted.asked
        category = tree.listed(ref)
        is_deep = isinstance(asked, CategoryListingParameters) and asked.include_descendants
        found = tree.below(category) if is_deep else (category,)
        shelves = await self._opener(asked).categories(
            reader.tenant_id,
            [CategoryId(one["category_id"]) for one in found],
            asked.period,
            is_fresh=reader.is_fresh,
        )
        return shelves, ["categories" if is_deep else "category", category["category_id"]]

    def _opener(self, asked: ListingParameters) -> Shelves | ShelvesThen:
        return self._shelves if asked.as_of is None else self._past_shelves.at(asked.as_of)


def _bounds(asked: ListingParameters) -> Iterable[str]:
    """Name all that decides which assets come, and in which order; not how many at once."""
    span = asked.period.span
    bounds = (asked.order, str(span.after[0]), str(span.before[0]))
    return bounds if asked.as_of is None else (*bounds, str(microseconds(asked.as_of)))


def _with_cursor(wanted: _Wanted, cursor: str) -> str:
    """Name this listing again, from that place on."""
    sent = parse_qsl(wanted.query, keep_blank_values=True)
    kept = [(name, value) for name, value in sent if name != "cursor"]
    return f"{quote(wanted.path)}?{urlencode([*kept, ('cursor', cursor)])}"
