"""Parked records in memory."""

from collections.abc import Iterable
from dataclasses import replace

from infra.cassandra.parked_records import ParkedEntry, ParkedRecord
from infra.kafka.group_consumer import Partition

Place = tuple[str, int, str, int, int]


class MemoryParkedRecords:
    """Keeps parked records by where they lie."""

    def __init__(self) -> None:
        self._records: dict[Place, ParkedRecord] = {}

    def park(self, records: Iterable[ParkedRecord]) -> None:
        for each in records:
            kept = self._records.get(_place(each.entry))
            because = kept.entry.passed_over_because if kept else ""
            place = replace(each.entry, passed_over_because=because)
            self._records[_place(place)] = replace(each, entry=place)

    def parked(self, view: str, generation: int) -> list[ParkedEntry]:
        return [
            record.entry
            for place, record in sorted(self._records.items())
            if place[:2] == (view, generation)
        ]

    def parked_in(
        self, view: str, generation: int, partition: Partition, *, after: int, at_most: int
    ) -> list[ParkedRecord]:
        found = [
            record
            for place, record in sorted(self._records.items())
            if place[:4] == (view, generation, *partition) and place[4] > after
        ]
        return found[:at_most]

    def unpark(self, records: Iterable[ParkedEntry]) -> None:
        for each in records:
            self._records.pop(_place(each), None)

    def pass_over(self, records: Iterable[ParkedEntry], because: str) -> None:
        for each in records:
            kept = self._records[_place(each)]
            place = replace(kept.entry, passed_over_because=because)
            self._records[_place(each)] = replace(kept, entry=place)


def _place(parked: ParkedEntry) -> Place:
    return parked.view, parked.generation, parked.topic, parked.partition, parked.offset
