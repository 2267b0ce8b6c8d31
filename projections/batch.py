"""A batch: records in, row operations and dead letters out, without I/O."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from avro_schemas.codec import Message
from avro_schemas.errors import Undecodable
from domain.dead_letter import DeadLetter
from domain.events import Event
from infra.cassandra.parked_records import ParkedEntry, ParkedRecord
from infra.cassandra.row_operations import RowOperation, collapse_operations
from infra.cassandra.view_store import Checkpoint
from infra.kafka.dead_letter_queue import dead_letter
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record
from projections.partition_state import OwnedPartitions, PartitionState, ViewPosition
from projections.record_decoder import decode_record


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointStep:
    """How far one view gets in one partition with a batch."""

    view_position: ViewPosition
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionBatch:
    """What some records come to; ``operations`` are by generation, at most two a row.

    ``applied`` counts messages by topic, ``newest_ms`` has the time of each partition's last one.
    """

    operations: Mapping[int, list[RowOperation]]
    dead_letters: list[DeadLetter]
    parked: list[ParkedRecord]
    steps: list[CheckpointStep]
    applied: Mapping[str, int]
    newest_ms: Mapping[Partition, int]

    def advance_positions(self) -> None:
        """Let the views stand where this batch brings them: it was written and saved."""
        for step in self.steps:
            step.view_position.advance_to(step.checkpoint)


def project_records(
    records: Iterable[Record],
    places: OwnedPartitions,
    next_offset_of: Callable[[Partition], int],
    now: datetime,
) -> ProjectionBatch:
    """Run records through every live view that wants them.

    ``next_offset_of`` tells the next offset of a partition, control markers at its end included.
    What cannot be read, or makes a view fail, becomes a dead letter; it is parked for the view, and
    so is what follows of the same entity. All else goes on. Records of partitions that have no
    place are left out; they will be read again. Raises HistoryHasGap.
    """
    operations: dict[int, list[RowOperation]] = {}
    failed_records = _FailedRecords(now)
    applied: Counter[str] = Counter()
    counts: Counter[int] = Counter()
    newest_ms: dict[Partition, int] = {}
    for record in records:
        place = places.get((record.topic, record.partition))
        if place is None:
            continue
        newest_ms[place.partition] = record.timestamp_ms
        message = _decoded(record)
        if isinstance(message, Undecodable):
            place.versions.forget(record.key)
        elif _is_new(message, record, place):
            applied[record.topic] += 1
        else:
            continue
        for view_position in place.view_positions:
            if (
                record.offset < view_position.next_offset
                or record.offset in view_position.passed_over
            ):
                continue
            if isinstance(message, Undecodable):
                failed_records.unreadable(view_position, record, message)
                continue
            counts[id(view_position)] += 1
            if record.key in view_position.waiting:
                failed_records.behind(view_position, record)
                continue
            try:
                rows = list(view_position.live.view.rows(message))
            except Exception as error:  # noqa: BLE001 - one message must not stop those behind it
                failed_records.failed(view_position, record, error)
            else:
                operations.setdefault(view_position.live.generation, []).extend(rows)
    return ProjectionBatch(
        operations={
            generation: collapse_operations(rows) for generation, rows in operations.items()
        },
        dead_letters=failed_records.dead_letters,
        parked=failed_records.parked,
        steps=[
            CheckpointStep(
                view_position=view_position,
                checkpoint=view_position.checkpoint_at(
                    end, view_position.event_count + counts[id(view_position)]
                ),
            )
            for place in places.all()
            for end in [next_offset_of(place.partition)]
            for view_position in place.view_positions
            if end > view_position.next_offset
        ],
        applied=applied,
        newest_ms=newest_ms,
    )


class _FailedRecords:
    """Collects what could not be applied: dead letters are the alarm, parked records wait."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.dead_letters: list[DeadLetter] = []
        self.parked: list[ParkedRecord] = []

    def unreadable(self, view_position: ViewPosition, record: Record, error: Undecodable) -> None:
        letter = dead_letter(record, "undecodable", str(error), self._now)
        if letter not in self.dead_letters[-1:]:  # one for all views
            self.dead_letters.append(letter)
        self._park(view_position, record, letter.code, letter.detail)

    def failed(self, view_position: ViewPosition, record: Record, error: Exception) -> None:
        detail = f"{view_position.live.view.name}: {type(error).__name__}: {error}"
        self.dead_letters.append(dead_letter(record, "view_failed", detail, self._now))
        self._park(view_position, record, "view_failed", detail)

    def behind(self, view_position: ViewPosition, record: Record) -> None:
        self._park(view_position, record, "behind", "an earlier record of the same entity waits")

    def _park(self, view_position: ViewPosition, record: Record, code: str, detail: str) -> None:
        if record.key:  # without one it belongs to no entity
            view_position.waiting.add(record.key)
        entry = ParkedEntry(
            view=view_position.live.view.name,
            generation=view_position.live.generation,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            code=code,
            detail=detail,
            parked_at=self._now,
        )
        self.parked.append(ParkedRecord(entry=entry, value=record.value))


def _decoded(record: Record) -> Message | Undecodable:
    try:
        return decode_record(record.value, record.topic)
    except Undecodable as error:
        return error


def _is_new(message: Message, record: Record, place: PartitionState) -> bool:
    if not isinstance(message, Event):
        return True
    return place.versions.is_new(record.key, message.metadata.entity_version)
