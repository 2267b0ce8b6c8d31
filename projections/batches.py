"""From records to what must be written, one batch at a time; no I/O here."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from avro_schemas.codec import Message, decode
from avro_schemas.errors import Undecodable
from domain.events import Event
from domain.jobs import DeadLetter
from domain.outcomes import CommandAccepted, CommandRefused
from infra.group_reading import Partition
from infra.reading import Record
from infra.rows import Operation, collapse
from infra.view_store import Checkpoint
from projections.places import Place, Places, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far one view gets in one partition with a batch."""

    standing: Standing
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What some records come to; ``operations`` are by generation, at most two a row.

    ``applied`` counts messages by topic, ``newest_ms`` has the time of each partition's last one.
    """

    operations: Mapping[int, list[Operation]]
    letters: list[DeadLetter]
    steps: list[Step]
    applied: Mapping[str, int]
    newest_ms: Mapping[Partition, int]

    def settle(self) -> None:
        """Let the views stand where this batch brings them: it was written and saved."""
        for step in self.steps:
            step.standing.stand_at(step.checkpoint)


def project(
    records: Iterable[Record], places: Places, reached: Callable[[Partition], int], now: datetime
) -> Batch:
    """Run records through every live view that wants them.

    ``reached`` tells the next offset of a partition, control markers at its end included. What
    cannot be read, or makes a view fail, becomes a dead letter, and the rest goes on. Records of
    partitions that have no place are left out; they will be read again. Raises HistoryHasGap.
    """
    operations: dict[int, list[Operation]] = {}
    letters: list[DeadLetter] = []
    applied: Counter[str] = Counter()
    counts: Counter[int] = Counter()
    newest_ms: dict[Partition, int] = {}
    for record in records:
        place = places.get((record.topic, record.partition))
        if place is None:
            continue
        newest_ms[place.partition] = record.timestamp_ms
        try:
            message = _message(record)
        except Undecodable as error:
            letters.append(_letter(record, "undecodable", str(error), now))
            place.versions.forget(record.key)
            continue
        if not _is_new(message, record, place):
            continue
        applied[record.topic] += 1
        for standing in place.standings:
            if record.offset < standing.next_offset:
                continue
            counts[id(standing)] += 1
            try:
                rows = list(standing.live.view.rows(message))
            except Exception as error:  # noqa: BLE001 - one message must not stop those behind it
                detail = f"{standing.live.view.name}: {type(error).__name__}: {error}"
                letters.append(_letter(record, "view_failed", detail, now))
            else:
                operations.setdefault(standing.live.generation, []).extend(rows)
    return Batch(
        operations={generation: collapse(rows) for generation, rows in operations.items()},
        letters=letters,
        steps=[
            Step(
                standing=standing,
                checkpoint=standing.checkpoint_at(end, standing.event_count + counts[id(standing)]),
            )
            for place in places.all()
            for end in [reached(place.partition)]
            for standing in place.standings
            if end > standing.next_offset
        ],
        applied=applied,
        newest_ms=newest_ms,
    )


def _message(record: Record) -> Message:
    message = decode(record.value)
    if not isinstance(message, Event | CommandAccepted | CommandRefused):
        raise Undecodable(f"a {type(message).__name__} does not belong into {record.topic}")
    return message


def _is_new(message: Message, record: Record, place: Place) -> bool:
    if not isinstance(message, Event):
        return True
    return place.versions.is_new(record.key, message.metadata.entity_version)


def _letter(record: Record, code: str, detail: str, now: datetime) -> DeadLetter:
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        code=code,
        detail=detail,
        parked_at=now,
    )
