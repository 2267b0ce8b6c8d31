"""The views that answers are read from, always in their active generation."""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.cassandra.personal_columns import decrypted_row
from infra.cassandra.session import Row
from infra.kafka.topics import (
    ASSET_EVENTS,
    CATEGORY_EVENTS,
    COMMAND_RESULTS,
    OPERATION_EVENTS,
    Topic,
)
from read_models.single_flight_cache import SingleFlightCache
from read_models.view_reader import GenerationReadiness, QueryRunner, read_active_generations

_GENERATION_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadView:
    """A view by the name it is built and switched under, and the topic it is built from."""

    name: str
    topic: Topic


ASSET_BY_ID = ReadView(name="asset_by_id", topic=ASSET_EVENTS)
ASSET_HISTORY = ReadView(name="asset_history", topic=ASSET_EVENTS)
ASSETS_BY_CONTENT = ReadView(name="assets_by_content", topic=ASSET_EVENTS)
SIMILAR_ASSETS = ReadView(name="similar_assets", topic=ASSET_EVENTS)
ASSETS_BY_CATEGORY = ReadView(name="assets_by_category", topic=ASSET_EVENTS)
ASSETS_BY_DATE = ReadView(name="assets_by_date", topic=ASSET_EVENTS)
PUBLIC_ASSETS = ReadView(name="public_assets", topic=ASSET_EVENTS)
LISTINGS_AS_OF = ReadView(name="listings_as_of", topic=ASSET_EVENTS)
CATEGORIES = ReadView(name="categories", topic=CATEGORY_EVENTS)
OPERATIONS = ReadView(name="operations", topic=OPERATION_EVENTS)
OPERATION_ITEMS = ReadView(name="operation_items", topic=OPERATION_EVENTS)

CATEGORIES_AS_OF = ReadView(name="categories_as_of", topic=CATEGORY_EVENTS)
COMMANDS = ReadView(name="commands", topic=COMMAND_RESULTS)

VIEWS = (
    ASSET_BY_ID,
    ASSET_HISTORY,
    ASSETS_BY_CONTENT,
    SIMILAR_ASSETS,
    ASSETS_BY_CATEGORY,
    ASSETS_BY_DATE,
    PUBLIC_ASSETS,
    LISTINGS_AS_OF,
    CATEGORIES,
    OPERATIONS,
    OPERATION_ITEMS,
    CATEGORIES_AS_OF,
    COMMANDS,
)
_ALL = tuple(view.name for view in VIEWS)


class ActiveViews:
    """Reads views; a switch to another generation is followed within a second.

    The generations of all views are looked up together, so that the first request after a pause
    costs two questions more, whatever it shows.

    Every method raises StoreUnavailable, ViewsMissing before a view was begun, and ViewNotBuilt
    before it has what the log had then. ``cql`` is for what lies beside the views.
    """

    def __init__(self, cql: QueryRunner) -> None:
        self.cql = cql
        self._generations = SingleFlightCache(self._read, ttl_seconds=_GENERATION_SECONDS)

    async def generation(self, view: ReadView) -> int:
        """Tell which generation of a view is read, at most a second ago."""
        found = (await self._generations.get(_ALL))[view.name]
        if not found.is_usable:  # it may have been built just now
            found = (await self._generations.get(_ALL, fresh=True))[view.name]
        return found.usable()

    async def select(
        self,
        view: ReadView,
        statement: str,
        parameters: Sequence[object],
        *,
        at_most: int = 1_000,
        generation: int | None = None,
    ) -> list[Row]:
        """Run a query whose tables end in ``$suffix``; give the first rows of its result.

        What takes several queries names the generation, so that a switch does not come in between.
        """
        if generation is None:
            generation = await self.generation(view)
        named = statement.replace("$suffix", f"_g{generation}")
        return list(map(decrypted_row, await self.cql.select(named, parameters, page_size=at_most)))

    async def applied_offsets(self, view: ReadView) -> dict[int, int]:
        """Tell the next offset that a view will apply of each partition of its topic."""
        rows = await self.cql.select(
            "SELECT partition, applied_offset FROM projection_state"
            " WHERE view_name = ? AND generation = ? AND topic = ?",
            (view.name, await self.generation(view), view.topic.name),
        )
        return {row["partition"]: row["applied_offset"] or 0 for row in rows}

    async def check(self) -> None:
        """Return when every view has been built and Cassandra answers."""
        found = await self._generations.get(_ALL, fresh=True)
        for view in VIEWS:
            found[view.name].usable()

    async def _read(self, views: tuple[str, ...]) -> dict[str, GenerationReadiness]:
        return await read_active_generations(self.cql, views)
