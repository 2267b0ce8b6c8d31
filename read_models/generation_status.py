"""The generations of the views as an operator sees them: which is read, how far one is built."""

import asyncio
from dataclasses import dataclass

from infra.cassandra.generations import ALL_GENERATIONS, Generation, generation_of
from read_models.view_reader import QueryRunner


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationStatus:
    """A generation and how far it is.

    ``done`` of ``target`` are offsets of the log as it was when the generation was begun;
    ``events`` is how many messages it has seen.
    """

    generation: Generation
    is_read: bool
    done: int
    target: int
    events: int


async def generation_statuses(cql: QueryRunner) -> list[GenerationStatus]:
    """Look at all that were not dropped; raises StoreUnavailable, ViewsMissing."""
    actives = {
        row["view_name"]: row["generation"]
        for row in await cql.select("SELECT view_name, generation FROM active_generation")
    }
    known = [generation_of(row) for row in await cql.select(ALL_GENERATIONS)]
    shown = sorted(
        (each for each in known if each.state != "dropped"),
        key=lambda each: (each.view, each.number),
    )
    return list(
        await asyncio.gather(
            *(_status(cql, each, actives.get(each.view) == each.number) for each in shown)
        )
    )


async def _status(cql: QueryRunner, generation: Generation, is_read: bool) -> GenerationStatus:  # noqa: FBT001 - private
    rows = await cql.select(
        "SELECT applied_offset, target, event_count FROM projection_state"
        " WHERE view_name = ? AND generation = ?",
        (generation.view, generation.number),
    )
    return GenerationStatus(
        generation=generation,
        is_read=is_read,
        done=sum(min(row["applied_offset"] or 0, row["target"] or 0) for row in rows),
        target=sum(row["target"] or 0 for row in rows),
        events=sum(row["event_count"] or 0 for row in rows),
    )
