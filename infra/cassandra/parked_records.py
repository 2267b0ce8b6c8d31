"""Parked records: those that a view could not apply, and those of the same entity behind them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from infra.cassandra.session import CassandraSession, Row
from infra.kafka.group_consumer import Partition

_PLACE = " WHERE view_name = ? AND generation = ?"
_IN_PARTITION = f"{_PLACE} AND topic = ? AND partition = ?"
_RECORD = f"{_IN_PARTITION} AND record_offset = ?"
_PARK = (  # an update, so that a record that is passed over stays so
    "UPDATE parked_records SET entity_key = ?, value = ?, code = ?, detail = ?, parked_at = ?"  # noqa: S608 - names are ours
    f"{_RECORD}"
)
_PARKED = (
    "SELECT view_name, generation, topic, partition, record_offset, entity_key, code, detail,"  # noqa: S608 - names are ours
    f" parked_at, passed_over_because FROM parked_records{_PLACE}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedEntry:
    """Where a parked record lies in the log, and why it waits.

    With a ``passed_over_because`` it does not wait: the generation goes on without it.
    """

    view: str
    generation: int
    topic: str
    partition: int
    offset: int
    key: bytes
    code: str
    detail: str
    parked_at: datetime
    passed_over_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedRecord:
    """A parked record with its bytes."""

    entry: ParkedEntry
    value: bytes


class ParkedRecordStore(Protocol):
    """Keeps parked records beside the checkpoints; every method raises StoreUnavailable.

    Each may be repeated: a record is parked once, however often it is.
    """

    def park(self, records: Iterable[ParkedRecord]) -> None:
        """Keep records; all are kept when it returns."""

    def parked(self, view: str, generation: int) -> list[ParkedEntry]:
        """Give all of one generation in the order of the log, without their bytes."""

    def parked_in(
        self, view: str, generation: int, partition: Partition, *, after: int, at_most: int
    ) -> list[ParkedRecord]:
        """Give the first ones of a partition that lie behind an offset."""

    def unpark(self, records: Iterable[ParkedEntry]) -> None:
        """Forget records that were applied."""

    def pass_over(self, records: Iterable[ParkedEntry], because: str) -> None:
        """Have a generation go on without these records."""


class CassandraParkedRecords:
    """Parked records in the keyspace of the views."""

    def __init__(self, cql: CassandraSession) -> None:
        self._cql = cql

    def park(self, records: Iterable[ParkedRecord]) -> None:
        """Keep records; see ParkedRecordStore."""
        for each in records:
            self._cql.execute(
                _PARK,
                [
                    each.entry.key,
                    each.value,
                    each.entry.code,
                    each.entry.detail,
                    each.entry.parked_at,
                    *_key(each.entry),
                ],
            )

    def parked(self, view: str, generation: int) -> list[ParkedEntry]:
        """Give all of one generation; see ParkedRecordStore."""
        rows = self._cql.execute(
            _PARKED,
            [view, generation],
        )
        return [_parked(row) for row in rows]

    def parked_in(
        self, view: str, generation: int, partition: Partition, *, after: int, at_most: int
    ) -> list[ParkedRecord]:
        """Give the first ones of a partition; see ParkedRecordStore."""
        rows = self._cql.execute(
            f"SELECT * FROM parked_records{_IN_PARTITION} AND record_offset > ? LIMIT ?",  # noqa: S608 - names are ours
            [view, generation, *partition, after, at_most],
        )
        return [ParkedRecord(entry=_parked(row), value=row["value"] or b"") for row in rows]

    def unpark(self, records: Iterable[ParkedEntry]) -> None:
        """Forget records that were applied; see ParkedRecordStore."""
        for each in records:
            self._cql.execute(f"DELETE FROM parked_records{_RECORD}", _key(each))  # noqa: S608 - names are ours

    def pass_over(self, records: Iterable[ParkedEntry], because: str) -> None:
        """Have a generation go on without these records; see ParkedRecordStore."""
        for each in records:
            self._cql.execute(
                f"UPDATE parked_records SET passed_over_because = ?{_RECORD}",  # noqa: S608 - names are ours
                [because, *_key(each)],
            )


def _key(place: ParkedEntry) -> tuple[object, ...]:
    return place.view, place.generation, place.topic, place.partition, place.offset


def _parked(row: Row) -> ParkedEntry:
    return ParkedEntry(
        view=row["view_name"],
        generation=row["generation"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["record_offset"],
        key=row["entity_key"] or b"",
        code=row["code"] or "",
        detail=row["detail"] or "",
        parked_at=row["parked_at"].replace(tzinfo=UTC),
        passed_over_because=row["passed_over_because"] or "",
    )
