"""From records to what must be written, one batch at a time; no I/O here."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from avro_schemas.codec import Message
from avro_schemas.errors import Undecodable
from domain.events import Event
from domain.jobs import DeadLetter
from infra.dead_letters import dead_letter
from infra.group_reading import Partition
from infra.parking import Parked, ParkedRecord
from infra.reading import Record
from infra.rows import Operation, collapse
from infra.view_store import Checkpoint
from projections.places import Place, Places, Standing
from projections.reading_records import message_of


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
    parked: list[ParkedRecord]
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
    cannot be read, or makes a view fail, becomes a dead letter; it is parked for the view, and so
    is what follows of the same entity. All else goes on. Records of partitions that have no place
    are left out; they will be read again. Raises HistoryHasGap.
    """
    operations: dict[int, list[Operation]] = {}
    trouble = _Trouble(now)
    applied: Counter[str] = Counter()
    counts: Counter[int] = Counter()
    newest_ms: dict[Partition, int] = {}
    for record in records:
        place = places.get((record.topic, record.partition))
        if place is None:
            continue
        newest_ms[place.partition] = record.timestamp_ms
        message = _message(record)
        if isinstance(message, Undecodable):
            place.versions.forget(record.key)
        elif _is_new(message, record, place):
            applied[record.topic] += 1
        else:
            continue
        for standing in place.standings:
            if record.offset < standing.next_offset or record.offset in standing.passed_over:
                continue
            if isinstance(message, Undecodable):
                trouble.unreadable(standing, record, message)
                continue
            counts[id(standing)] += 1
            if record.key in standing.waiting:
                trouble.behind(standing, record)
                continue
            try:
                rows = list(standing.live.view.rows(message))
            except Exception as error:  # noqa: BLE001 - one message must not stop those behind it
                trouble.failed(standing, record, error)
            else:
                operations.setdefault(standing.live.generation, []).extend(rows)
    return Batch(
        operations={generation: collapse(rows) for generation, rows in operations.items()},
        letters=trouble.letters,
        parked=trouble.parked,
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


class _Trouble:
    """Collects what could not be applied: letters are the alarm, what is parked waits."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.letters: list[DeadLetter] = []
        self.parked: list[ParkedRecord] = []

    def unreadable(self, standing: Standing, record: Record, error: Undecodable) -> None:
        letter = dead_letter(record, "undecodable", str(error), self._now)
        if letter not in self.letters[-1:]:  # one for all views
            self.letters.append(letter)
        self._park(standing, record, letter.code, letter.detail)

    def failed(self, standing: Standing, record: Record, error: Exception) -> None:
        detail = f"{standing.live.view.name}: {type(error).__name__}: {error}"
        self.letters.append(dead_letter(record, "view_failed", detail, self._now))
        self._park(standing, record, "view_failed", detail)

    def behind(self, standing: Standing, record: Record) -> None:
        self._park(standing, record, "behind", "an earlier record of the same entity waits")

    def _park(self, standing: Standing, record: Record, code: str, detail: str) -> None:
        if record.key:  # without one it belongs to no entity
            standing.waiting.add(record.key)
        place = Parked(
            view=standing.live.view.name,
            generation=standing.live.generation,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            code=code,
            detail=detail,
            parked_at=self._now,
        )
        self.parked.append(ParkedRecord(place=place, value=record.value))


def _message(record: Record) -> Message | Undecodable:
    try:
        return message_of(record.value, record.topic)
    except Undecodable as error:
        return error


def _is_new(message: Message, record: Record, place: Place) -> bool:
    if not isinstance(message, Event):
        return True
    return place.versions.is_new(record.key, message.metadata.entity_version)
