"""The generations of the views as an operator sees them: which is read, how far one is built."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infra.cassandra.generations import (
    ACTIVE_GENERATIONS,
    ALL_GENERATIONS,
    PARTITION_STATES,
    Generation,
    active_generations_of,
    generations_of,
    targets_of,
)
from infra.cassandra.view_store import Checkpoint, checkpoints_of
from infra.kafka.group_consumer import Partition
from read_models.view_reader import QueryRunner


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationStatus:
    """A generation, whether it is the active one, and how far it is.

    ``done`` of ``target`` are offsets of the log as it was when the generation was begun;
    ``events`` is how many messages it has seen, without the markers of transactions.
    """

    generation: Generation
    is_read: bool
    done: int
    target: int
    events: int

    @property
    def is_complete(self) -> bool:
        """Whether all that the log had when the generation was begun is applied."""
        return self.done >= self.target

    @property
    def eta_seconds(self) -> float | None:
        """Say how long the rest takes at the rate of its builder; None while there is none."""
        if self.is_complete:
            return 0.0
        rate = self.generation.offsets_per_second
        return (self.target - self.done) / rate if rate > 0 else None


def generation_status(
    generation: Generation,
    targets: Mapping[Partition, int],
    checkpoints: Iterable[Checkpoint],
    *,
    is_read: bool,
) -> GenerationStatus:
    """Compare checkpoints of a generation with where the log ended when it was begun."""
    saved = list(checkpoints)
    return GenerationStatus(
        generation=generation,
        is_read=is_read,
        done=sum(
            min(each.applied_offset, targets.get((each.topic, each.partition), 0)) for each in saved
        ),
        target=sum(targets.values()),
        events=sum(each.event_count for each in saved),
    )


async def generation_statuses(cql: QueryRunner) -> list[GenerationStatus]:
    """Look at all that were not dropped; raises StoreUnavailable, ViewsMissing."""
    actives = active_generations_of(await cql.select(ACTIVE_GENERATIONS))
    active = {(view, each.number) for view, each in actives.items()}

    async def status(generation: Generation) -> GenerationStatus:
        place = (generation.view, generation.number)
        rows = await cql.select(PARTITION_STATES, place)
        return generation_status(
            generation, targets_of(rows), checkpoints_of(*place, rows), is_read=place in active
        )

    known = generations_of(await cql.select(ALL_GENERATIONS))
    return list(await asyncio.gather(*(status(each) for each in known if each.state != "dropped")))
