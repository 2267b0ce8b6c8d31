"""Fold the log into the rows that a view must have, with one part of them in memory at a time."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from avro_schemas.errors import KeysLost
from infra.cassandra.column_encryption import encrypted_operation
from infra.cassandra.row_operations import RowOperation, Table
from infra.errors import BrokerUnavailable
from infra.kafka.partition_reader import Record
from projections.rebuild.builder import RecordSource
from projections.record_decoder import decode_record
from projections.verification.expected_row import ExpectedRow, RowKey
from projections.verification.spill import OperationSpill
from read_models.view import View

_POLL_SECONDS = 0.2
_POLL_AT_MOST = 2_000
_SILENCE_SECONDS = 60.0

PartOf = Callable[[Table, RowKey], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRef:
    """A row by its table and key."""

    table: Table
    key: RowKey

    def with_key_prefixes(self) -> Iterator["RowRef"]:
        """Give all that an operation may name to be about this row: deletions name many at once."""
        for length in range(len(self.table.partition_key), len(self.key) + 1):
            yield RowRef(table=self.table, key=self.key[:length])


class LogFold:
    """Reads a view's topic once, from the first event on, and can read on.

    A record that the view cannot take ends the story of its entity here, as it does in the view
    that waits behind it; those in ``passed_over``, by partition and offset, are left out instead.
    Rows are encrypted as a view's are. Reading raises KeysLost.
    """

    def __init__(
        self,
        view: View,
        *,
        source: RecordSource,
        spill: OperationSpill,
        part_of: PartOf,
        passed_over: frozenset[tuple[int, int]] = frozenset(),
    ) -> None:
        self._view = view
        self._source = source
        self._spill = spill
        self._part_of = part_of
        self._passed_over = passed_over
        self._blocked: set[bytes] = set()

    @property
    def blocked_entity_count(self) -> int:
        """How many entities end before the log does."""
        return len(self._blocked)

    def positions(self, partitions: Iterable[int]) -> dict[int, int]:
        """Tell up to where the log was taken in; that may be further than was asked for."""
        return {partition: self._source.position(partition) for partition in partitions}

    def read_to(self, ends: Mapping[int, int]) -> None:
        """Take in everything before these offsets; raises BrokerUnavailable when none comes."""
        for _ in self._read(ends):
            pass

    def read_on(self, ends: Mapping[int, int]) -> set[RowRef]:
        """Take in what was added meanwhile, and name the rows that it is about, or beginnings."""
        return {RowRef(table=each.table, key=each.key) for each in self._read(ends)}

    def rows(self, part: int) -> dict[RowRef, ExpectedRow]:
        """Give what the log says about every row of a part that it ever spoke of."""
        found: dict[RowRef, ExpectedRow] = {}
        many: dict[RowRef, list[RowOperation]] = {}
        for operation in self._spill.operations(part):
            row = RowRef(table=operation.table, key=operation.key)
            if len(row.key) < len(row.table.key):
                many.setdefault(row, []).append(operation)
            else:
                found.setdefault(row, ExpectedRow()).apply(operation)
        if many:
            for row, expected in found.items():
                for named in row.with_key_prefixes():
                    for operation in many.get(named, ()):
                        expected.apply(operation)
        return found

    def _read(self, ends: Mapping[int, int]) -> Iterator[RowOperation]:
        heard_at = time.monotonic()
        while any(self._source.position(at) < end for at, end in ends.items()):
            before = self.positions(ends)
            for record in self._source.poll(_POLL_SECONDS, at_most=_POLL_AT_MOST):
                for operation in self._operations(record):
                    self._spill.add(self._part_of(operation.table, operation.key), operation)
                    yield operation
            if before != self.positions(ends):
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > _SILENCE_SECONDS:
                raise BrokerUnavailable(f"{self._view.topic.name} brings nothing any more")

    def _operations(self, record: Record) -> list[RowOperation]:
        if record.key in self._blocked or (record.partition, record.offset) in self._passed_over:
            return []
        try:
            return [
                encrypted_operation(operation)
                for operation in self._view.rows(decode_record(record.value, record.topic))
            ]
        except KeysLost:
            raise
        except Exception:  # noqa: BLE001 - whatever the view cannot take, it waits behind
            if record.key:  # without one it belongs to no entity
                self._blocked.add(record.key)
            return []
