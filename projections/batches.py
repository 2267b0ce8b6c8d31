"""From records to what must be written: pure, one batch at a time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from avro_schemas.codec import Message, decode
from avro_schemas.errors import Undecodable
from domain.events import Event
from domain.jobs import DeadLetter
from infra.group_reading import Partition
from infra.reading import Record
from infra.rows import Operation
from infra.view_store import Checkpoint
from projections.places import Place, Places, Standing
from projections.view import LiveView


@dataclass(slots=True)
class Batch:
    """What some records come to; ``operations`` are by generation.

    ``reached`` has the next offset of every partition, records or not: control markers count.
    """

    operations: dict[int, list[Operation]] = field(default_factory=dict)
    letters: list[DeadLetter] = field(default_factory=list)
    reached: list[tuple[Place, int]] = field(default_factory=list)
    applied: dict[str, int] = field(default_factory=dict)
    newest_ms: dict[Partition, int] = field(default_factory=dict)
    _counts: dict[int, int] = field(default_factory=dict)

    def checkpoints(self) -> list[Checkpoint]:
        """Say how far every view will have got that moved."""
        return [
            Checkpoint(
                view=standing.live.view.name,
                generation=standing.live.generation,
                topic=place.partition[0],
                partition=place.partition[1],
                applied_offset=reached,
                event_count=standing.event_count + self._counts.get(id(standing), 0),
            )
            for place, reached in self.reached
            for standing in place.standings
            if reached > standing.next_offset
        ]
