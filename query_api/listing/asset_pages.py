"""One page of a listing: its items, and the way to the next one."""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial

from starlette.requests import Request

from domain.values import CategoryId, CategoryRef
from infra.cassandra.session import Row
from query_api.images.public_urls import PublicUrls
from query_api.listing.bucket_sources import BucketSources
from query_api.listing.category_tree import CategoryTree
from query_api.listing.category_tree_cache import CategoryTreeCache
from query_api.listing.cursors import CursorCodec, next_page_url
from query_api.listing.filtered_page import read_filtered_page
from query_api.listing.page_reader import PageStart, read_page
from query_api.listing.page_reader import RowPage as Found
from query_api.parameters import CategoryListingParameters, ListingParameters
from query_api.read_context import ReadContext
from query_api.responses.json_response import JsonPage, encode_json
from query_api.responses.listings import PageAnswer, item_answer
from read_models.single_flight_cache import SingleFlightCache
from read_models.time import microseconds

_SHARED_SECONDS = 0.05
_SHARED_BYTES = 32_000_000
MOST_MERGED_CATEGORIES = 32  # beyond that the listing by date is looked through


@dataclass(frozen=True, slots=True, kw_only=True)
class _PageRequest:
    """A page that was asked for; two of one tenant and one URL are the same page."""

    tenant_id: str
    path: str
    query: str
    context: ReadContext = field(compare=False)
    asked: ListingParameters = field(compare=False)
    ref: CategoryRef | None = field(compare=False)


class AssetPages:
    """Reads pages; whoever asks for one within the same 50 ms shares one read.

    Raises CursorRefused, CategoryNotFound, StoreUnavailable.
    """

    def __init__(
        self,
        bucket_sources: BucketSources,
        category_trees: CategoryTreeCache,
        cursors: CursorCodec,
        urls: PublicUrls,
    ) -> None:
        self._bucket_sources = bucket_sources
        self._category_trees = category_trees
        self._cursors = cursors
        self._urls = urls
        self._shared = SingleFlightCache(
            self._read,
            ttl_seconds=_SHARED_SECONDS,
            weight_of=lambda page: len(page.content),
            at_most=_SHARED_BYTES,
        )

    async def page(
        self,
        request: Request,
        context: ReadContext,
        asked: ListingParameters,
        ref: CategoryRef | None = None,
    ) -> JsonPage:
        """Give a page of a category, or of everything by date when none is named."""
        wanted = _PageRequest(
            tenant_id=context.tenant_id,
            path=request.scope["path"],
            query=request.scope["query_string"].decode("ascii", "replace"),
            context=context,
            asked=asked,
            ref=ref,
        )
        return await self._shared.get(wanted, fresh=context.is_fresh)

    async def _read(self, wanted: _PageRequest) -> JsonPage:
        asked = wanted.asked
        tree = await self._category_trees.tree(wanted.context, asked.as_of)
        named, categories = _named(wanted, tree)
        bound_to = (wanted.tenant_id, *named, *_bounds(asked))
        page_start = None
        if asked.cursor is not None:
            page_start = PageStart(*self._cursors.decode(asked.cursor, bound_to))
        found = await self._found(wanted, categories, page_start)
        next_url = None
        if found.next_start is not None:
            cursor = self._cursors.encode(found.next_start, bound_to)
            next_url = next_page_url(wanted.path, wanted.query, cursor)
        answer: PageAnswer = {
            "items": [item_answer(row, tree, self._urls) for row in found.rows],
            "next": next_url,
        }
        return JsonPage(content=encode_json(answer), next_url=next_url)

    async def _found(
        self,
        wanted: _PageRequest,
        categories: Sequence[CategoryId] | None,
        page_start: PageStart | None,
    ) -> Found:
        """Read the assets of these categories together, or of all when none are named."""
        context, asked = wanted.context, wanted.asked
        read = partial(
            read_page,
            span=asked.period.span,
            order=asked.order,
            limit=asked.limit,
            page_start=page_start,
        )
        if categories is not None and len(categories) <= MOST_MERGED_CATEGORIES:
            return await read(
                await self._bucket_sources.categories(
                    context.tenant_id,
                    categories,
                    asked.period,
                    as_of=asked.as_of,
                    is_fresh=context.is_fresh,
                )
            )
        everything = await self._bucket_sources.dates(
            context.tenant_id, asked.period, as_of=asked.as_of, is_fresh=context.is_fresh
        )
        if categories is None:
            return await read([everything])
        return await read_filtered_page(
            everything,
            _is_in(frozenset(categories)),
            span=asked.period.span,
            order=asked.order,
            limit=asked.limit,
            page_start=page_start,
        )


def _named(
    wanted: _PageRequest, tree: CategoryTree
) -> tuple[Sequence[str], Sequence[CategoryId] | None]:
    """Name the listing that is wanted, and its categories; None for that of all by date."""
    if wanted.ref is None:
        return ["date"], None
    asked, category = wanted.asked, tree.listed(wanted.ref)
    is_deep = isinstance(asked, CategoryListingParameters) and asked.include_descendants
    found = tree.below(category) if is_deep else (category,)
    categories = [CategoryId(one["category_id"]) for one in found]
    return ["categories" if is_deep else "category", category["category_id"]], categories


def _is_in(categories: AbstractSet[str]) -> Callable[[Row], bool]:
    return lambda row: not categories.isdisjoint(row["category_ids"] or ())


def _bounds(asked: ListingParameters) -> Iterable[str]:
    """Name all that decides which assets come, and in which order; not how many at once."""
    span = asked.period.span
    bounds = (asked.order, str(span.after[0]), str(span.before[0]))
    return bounds if asked.as_of is None else (*bounds, str(microseconds(asked.as_of)))
