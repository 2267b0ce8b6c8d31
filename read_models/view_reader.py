"""Reading views: the generation that is read, whether it is built, and how far it has got."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from infra.cassandra.personal_columns import decrypted_row
from infra.cassandra.session import Row
from infra.errors import ViewNotBuilt, ViewsMissing
from infra.kafka.topics import Topic

# Filters within one partition, which is empty unless a record was ever parked.
_PARKED = (
    "SELECT entity_key FROM parked_records"
    " WHERE view_name = ? AND generation = ? AND topic = ? AND entity_key = ?"
    " LIMIT 1 ALLOW FILTERING"
)
_MOST_PARTITIONS = 10_000  # of all views and of the generations that some of them are read in


class QueryRunner(Protocol):
    """What runs a query: infra.cassandra.session.Cql."""

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


async def read_active_generations(
    cql: QueryRunner, views: Sequence[str]
) -> dict[str, GenerationReadiness]:
    """Tell which generation of each view is read, in two queries however many views there are.

    Raises StoreUnavailable, ViewsMissing before any view was begun.
    """
    rows = await cql.select(
        "SELECT view_name, generation FROM active_generation WHERE view_name IN ?", (list(views),)
    )
    numbers = {row["view_name"]: int(row["generation"]) for row in rows}
    missing = dict.fromkeys(views, 0)
    if numbers:
        rows = await cql.select(
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


async def read_active_generation(cql: QueryRunner, view: str) -> int:
    """Tell which generation of a view is read.

    Raises StoreUnavailable, ViewsMissing before a view was begun, and ViewNotBuilt as long as it
    lacks what the log had then.
    """
    return (await read_active_generations(cql, [view]))[view].usable()


class ViewReader:
    """Reads views for whoever wants a hint or old facts from them, never for a decision.

    Every method raises StoreUnavailable, ViewsMissing when a view was never made, and ViewNotBuilt
    while one is filled for the first time, or again after its rows were lost.
    """

    def __init__(self, cql: QueryRunner) -> None:
        self._cql = cql

    async def select(
        self, view: str, statement: str, parameters: Sequence[object], *, at_most: int = 1_000
    ) -> list[Row]:
        """Run a query whose tables end in ``$suffix``; give the first rows of its result."""
        named = statement.replace("$suffix", f"_g{await read_active_generation(self._cql, view)}")
        return list(
            map(decrypted_row, await self._cql.select(named, parameters, page_size=at_most))
        )

    async def has_reached(self, view: str, topic: Topic, ends: Mapping[int, int]) -> bool:
        """Tell whether a view shows all that lies before these ends of its topic's partitions."""
        rows = await self._cql.select(
            "SELECT partition, applied_offset FROM projection_state"
            " WHERE view_name = ? AND generation = ? AND topic = ?",
            (view, await read_active_generation(self._cql, view), topic.name),
        )
        applied = {row["partition"]: row["applied_offset"] or 0 for row in rows}
        return all(applied.get(number, 0) >= end for number, end in ends.items())

    async def lacks(self, view: str, topic: Topic, key: str) -> bool:
        """Tell whether a view was given records of an entity that it does not show.

        They are parked, or the generation that is read was told to go on without them.
        """
        generation = await read_active_generation(self._cql, view)
        return bool(await self._cql.select(_PARKED, (view, generation, topic.name, key.encode())))
