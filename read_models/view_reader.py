"""Reading views: the active generation, whether it is built, and how far it has got."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from infra.cassandra.column_encryption import decrypted_row
from infra.cassandra.session import Row
from infra.errors import ViewNotBuilt, ViewsMissing
from read_models.single_flight_cache import SingleFlightCache
from read_models.view import View

# Filters within one partition, which is empty unless a record was ever parked.
_PARKED = (
    "SELECT entity_key FROM parked_records"
    " WHERE view_name = ? AND generation = ? AND topic = ? AND entity_key = ?"
    " LIMIT 1 ALLOW FILTERING"
)
_CACHED_SECONDS = 1.0
_MOST_PARTITIONS = 10_000  # of all views and of the generations that some of them are read in


class QueryRunner(Protocol):
    """Runs queries: infra.cassandra.session.CassandraSession, or a fake of it."""

    async def select(
        self, statement: str, parameters: Sequence[object] = (), *, page_size: int = 1_000
    ) -> list[Row]:
        """Give the first ``page_size`` rows; raises StoreUnavailable or ViewsMissing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationReadiness:
    """The generation of a view that is read, and how many offsets it still lacks.

    ``number`` is None before the view was begun.
    """

    view: str
    number: int | None
    missing: int

    @property
    def is_usable(self) -> bool:
        """Whether it was begun and lacks nothing."""
        return self.number is not None and not self.missing

    def usable(self) -> int:
        """Give its number; raises ViewsMissing, and ViewNotBuilt while it lacks something."""
        if self.number is None:
            raise ViewsMissing(f"the view {self.view} was never built; run 'scalehoster up'")
        if self.missing:
            raise ViewNotBuilt(
                f"{self.view} is being built from the log; {self.missing} offsets are missing"
            )
        return self.number


class ViewReader:
    """Reads views, always in their active generation.

    The generations of ``cached`` views are looked up together and remembered for a second, so that
    the first request after a pause costs two queries more, whatever it shows; that of any other
    view is looked up for each query.

    Every method raises StoreUnavailable, ViewsMissing before a view was begun, and ViewNotBuilt
    while it is filled for the first time, or again after its rows were lost. ``cql`` is for what
    is kept beside the views.
    """

    def __init__(self, cql: QueryRunner, cached: Iterable[View] = ()) -> None:
        self.cql = cql
        self._cached = tuple(view.name for view in cached)
        self._generations = SingleFlightCache(self._read, ttl_seconds=_CACHED_SECONDS)

    async def generation(self, view: View) -> int:
        """Give the number of the active generation; a second old at most."""
        if view.name not in self._cached:
            return (await self._read((view.name,)))[view.name].usable()
        found = (await self._generations.get(self._cached))[view.name]
        if not found.is_usable:  # it may have been built just now
            found = (await self._generations.get(self._cached, fresh=True))[view.name]
        return found.usable()

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

        An answer that takes several queries names the generation, so that no switch comes between.
        """
        if generation is None:
            generation = await self.generation(view)
        named = statement.replace("$suffix", f"_g{generation}")
        rows = await self.cql.select(named, parameters, page_size=at_most)
        return [decrypted_row(row, *view.tables) for row in rows]

    async def applied_offsets(self, view: View) -> dict[int, int]:
        """Give the next offset that a view will apply of each partition of its topic."""
        rows = await self.cql.select(
            "SELECT partition, applied_offset FROM projection_state"
            " WHERE view_name = ? AND generation = ? AND topic = ?",
            (view.name, await self.generation(view), view.topic.name),
        )
        return {row["partition"]: row["applied_offset"] or 0 for row in rows}

    async def has_reached(self, view: View, ends: Mapping[int, int]) -> bool:
        """Return True if a view shows all that lies before these ends of its partitions."""
        applied = await self.applied_offsets(view)
        return all(applied.get(number, 0) >= end for number, end in ends.items())

    async def lacks(self, view: View, key: str) -> bool:
        """Return True if a view was given records of an entity that it does not show.

        They are parked, or the active generation goes on without them.
        """
        parameters = (view.name, await self.generation(view), view.topic.name, key.encode())
        return bool(await self.cql.select(_PARKED, parameters))

    async def check(self) -> None:
        """Return when every cached view has been built and Cassandra answers."""
        found = await self._generations.get(self._cached, fresh=True)
        for name in self._cached:
            found[name].usable()

    async def _read(self, views: tuple[str, ...]) -> dict[str, GenerationReadiness]:
        """Look up the active generations, in two queries however many views there are."""
        rows = await self.cql.select(
            "SELECT view_name, generation FROM active_generation WHERE view_name IN ?",
            (list(views),),
        )
        numbers = {row["view_name"]: int(row["generation"]) for row in rows}
        missing = dict.fromkeys(views, 0)
        if numbers:
            rows = await self.cql.select(
                "SELECT view_name, generation, target, applied_offset FROM projection_state"
                " WHERE view_name IN ? AND generation IN ?",
                (list(numbers), sorted(set(numbers.values()))),
                page_size=_MOST_PARTITIONS,
            )
            for row in rows:
                if numbers[row["view_name"]] == row["generation"]:
                    lacks = max(0, (row["target"] or 0) - (row["applied_offset"] or 0))
                    missing[row["view_name"]] += lacks
        return {
            view: GenerationReadiness(view=view, number=numbers.get(view), missing=missing[view])
            for view in views
        }
