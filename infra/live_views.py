"""Reading views: the generation that is read, whether it is built, and how far it has got."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from infra.cql import Row
from infra.errors import ViewNotBuilt, ViewsMissing
from infra.personal import opened
from infra.topics import Topic

# Filters within one partition, which is empty unless a record was ever parked.
_PARKED = (
    "SELECT entity_key FROM parked_records"
    " WHERE view_name = ? AND generation = ? AND topic = ? AND entity_key = ?"
    " LIMIT 1 ALLOW FILTERING"
)


class Selecting(Protocol):
    """What runs a query: infra.cql.Cql."""

    async def select(
        self, statement: str, parameters: Sequence[object] = (), *, page_size: int = 1_000
    ) -> list[Row]:
        """Give the first ``page_size`` rows; raises StoreUnavailable or ViewsMissing."""


async def generation_read(cql: Selecting, view: str) -> int:
    """Tell which generation of a view is read.

    Raises StoreUnavailable, ViewsMissing before a view was begun, and ViewNotBuilt as long as it
    lacks what the log had then.
    """
    rows = await cql.select("SELECT generation FROM active_generation WHERE view_name = ?", (view,))
    if not rows:
        raise ViewsMissing(f"the view {view} was never built; run 'scalehoster up'")
    generation = int(rows[0]["generation"])
    rows = await cql.select(
        "SELECT target, applied_offset FROM projection_state"
        " WHERE view_name = ? AND generation = ?",
        (view, generation),
    )
    missing = sum(max(0, (row["target"] or 0) - (row["applied_offset"] or 0)) for row in rows)
    if missing:
        raise ViewNotBuilt(f"{view} is being built from the log; {missing} offsets are missing")
    return generation


class LiveViews:
    """Reads views for whoever wants a hint or old facts from them, never for a decision.

    Every method raises StoreUnavailable, ViewsMissing when a view was never made, and ViewNotBuilt
    while one is filled for the first time, or again after its rows were lost.
    """

    def __init__(self, cql: Selecting) -> None:
        self._cql = cql

    async def select(
        self, view: str, statement: str, parameters: Sequence[object], *, at_most: int = 1_000
    ) -> list[Row]:
        """Run a query whose tables end in ``$suffix``; give the first rows of its result."""
        named = statement.replace("$suffix", f"_g{await generation_read(self._cql, view)}")
        return list(map(opened, await self._cql.select(named, parameters, page_size=at_most)))

    async def has_reached(self, view: str, topic: Topic, ends: Mapping[int, int]) -> bool:
        """Tell whether a view shows all that lies before these ends of its topic's partitions."""
        rows = await self._cql.select(
            "SELECT partition, applied_offset FROM projection_state"
            " WHERE view_name = ? AND generation = ? AND topic = ?",
            (view, await generation_read(self._cql, view), topic.name),
        )
        applied = {row["partition"]: row["applied_offset"] or 0 for row in rows}
        return all(applied.get(number, 0) >= end for number, end in ends.items())

    async def lacks(self, view: str, topic: Topic, key: str) -> bool:
        """Tell whether a view was given records of an entity that it does not show.

        They are parked, or the generation that is read was told to go on without them.
        """
        generation = await generation_read(self._cql, view)
        return bool(await self._cql.select(_PARKED, (view, generation, topic.name, key.encode())))
