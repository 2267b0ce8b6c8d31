"""Reading views from outside the query API: the generation that is read, and how far it has got."""

from collections.abc import Mapping, Sequence

from infra.cql import Cql, Row
from infra.errors import ViewsMissing
from infra.topics import Topic


class LiveViews:
    """Reads views for whoever wants a hint or old facts from them, never for a decision.

    Every method raises StoreUnavailable, and ViewsMissing when a view was never made.
    """

    def __init__(self, cql: Cql) -> None:
        self._cql = cql

    async def select(
        self, view: str, statement: str, parameters: Sequence[object], *, at_most: int = 1_000
    ) -> list[Row]:
        """Run a query whose tables end in ``$suffix``; give the first rows of its result."""
        named = statement.replace("$suffix", f"_g{await self._generation(view)}")
        return await self._cql.select(named, parameters, page_size=at_most)

    async def has_reached(self, view: str, topic: Topic, ends: Mapping[int, int]) -> bool:
        """Tell whether a view shows all that lies before these ends of its topic's partitions."""
        rows = await self._cql.select(
            "SELECT partition, applied_offset FROM projection_state"
            " WHERE view_name = ? AND generation = ? AND topic = ?",
            (view, await self._generation(view), topic.name),
        )
        applied = {row["partition"]: row["applied_offset"] or 0 for row in rows}
        return all(applied.get(number, 0) >= end for number, end in ends.items())

    async def _generation(self, view: str) -> int:
        rows = await self._cql.select(
            "SELECT generation FROM active_generation WHERE view_name = ?", (view,)
        )
        if not rows:
            raise ViewsMissing(f"the view {view} was never built; run 'scalehoster up'")
        return int(rows[0]["generation"])
