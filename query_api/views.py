"""The views that answers are read from, always in their active generation."""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.cql import Row
from infra.live_views import Selecting, generation_read
from infra.personal import opened
from infra.topics import (
    ASSET_EVENTS,
    CATEGORY_EVENTS,
    COMMAND_RESULTS,
    OPERATION_EVENTS,
    Topic,
)
from query_api.recent import Recent

_GENERATION_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A view by the name it is built and switched under, and the topic it is built from."""

    name: str
    topic: Topic


ASSET_BY_ID = View(name="asset_by_id", topic=ASSET_EVENTS)
ASSET_HISTORY = View(name="asset_history", topic=ASSET_EVENTS)
ASSETS_BY_CONTENT = View(name="assets_by_content", topic=ASSET_EVENTS)
SIMILAR_ASSETS = View(name="similar_assets", topic=ASSET_EVENTS)
ASSETS_BY_CATEGORY = View(name="assets_by_category", topic=ASSET_EVENTS)
ASSETS_BY_DATE = View(name="assets_by_date", topic=ASSET_EVENTS)
PUBLIC_ASSETS = View(name="public_assets", topic=ASSET_EVENTS)
LISTINGS_AS_OF = View(name="listings_as_of", topic=ASSET_EVENTS)
CATEGORIES = View(name="categories", topic=CATEGORY_EVENTS)
OPERATIONS = View(name="operations", topic=OPERATION_EVENTS)
OPERATION_ITEMS = View(name="operation_items", topic=OPERATION_EVENTS)

CATEGORIES_AS_OF = View(name="categories_as_of", topic=CATEGORY_EVENTS)
COMMANDS = View(name="commands", topic=COMMAND_RESULTS)

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


class ActiveViews:
    """Reads views; a switch to another generation is followed within a second.

    Every method raises StoreUnavailable, ViewsMissing before a view was begun, and ViewNotBuilt
    before it has what the log had then. ``cql`` is for what lies beside the views.
    """

    def __init__(self, cql: Selecting) -> None:
        self.cql = cql
        self._generations = Recent(self._generation, for_seconds=_GENERATION_SECONDS)

    async def generation(self, view: View) -> int:
        """Tell which generation of a view is read, at most a second ago."""
        return await self._generations.get(view.name)

    async def select(
        self,
        view: View,
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
        return list(map(opened, await self.cql.select(named, parameters, page_size=at_most)))

    async def applied_offset(self, view: View, partition: int) -> int:
        """Tell the next offset of its topic that a view will apply; 0 if it applied none."""
        generation = await self._generations.get(view.name)
        rows = await self.cql.select(
            "SELECT applied_offset FROM projection_state"
            " WHERE view_name = ? AND generation = ? AND topic = ? AND partition = ?",
            (view.name, generation, view.topic.name, partition),
        )
        return rows[0]["applied_offset"] or 0 if rows else 0

    async def check(self) -> None:
        """Return when every view has been built and Cassandra answers."""
        for view in VIEWS:
            await self._generations.get(view.name, fresh=True)

    async def _generation(self, view: str) -> int:
        return await generation_read(self.cql, view)
