"""Everything a rebuild needs, in memory: a log, a store, generations, and who feeds them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from threading import Event
from typing import Any

from infra.cassandra.column_encryption import blank_erased_columns
from infra.cassandra.generations import Generation
from infra.cassandra.row_operations import ColumnValue, Table
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record
from infra.kafka.topics import Topic
from projections.rebuild.builder import GenerationBuilder, PartitionSubset, RecordSource
from projections.rebuild.catch_up import CatchUp
from projections.rebuild.comparison import ComparisonReport, compare_generations
from projections.rebuild.generation_switch import GenerationSwitcher
from projections.rebuild.planner import RebuildPlanner
from projections.rebuild.supervisor import RebuildSupervisor
from read_models.assets_by_date.projection import ASSETS_BY_DATE
from read_models.categories.projection import CATEGORIES
from read_models.installation import definition
from read_models.registry import VIEWS
from read_models.view import View, ViewGeneration
from tests.support.fakes.memory_generations import MemoryGenerations
from tests.support.fakes.memory_views import MemoryViewStore
from tests.support.fakes.projection_fakes import Log, Run

LONG_AGO = datetime.now(UTC) - timedelta(days=1)


class LogSource:
    """Reads some partitions of a log as ``infra.kafka.partition_reader.PartitionReader`` does."""

    def __init__(self, log: Log, topic: Topic, starts: Mapping[int, int]) -> None:
        self._log = log
        self._topic = topic.name
        self._positions = dict(starts)

    def poll(self, timeout_seconds: float, *, at_most: int) -> list[Record]:
        found = [
            record
            for partition, position in self._positions.items()
            for record in self._log.records.get((self._topic, partition), [])
            if record.offset >= position
        ][:at_most]
        for record in found:
            self._positions[record.partition] = record.offset + 1
        return found

    def position(self, partition: int) -> int:
        position = self._positions[partition]
        records = self._log.records.get((self._topic, partition), [])
        if any(record.offset >= position for record in records):
            return position
        return self._log.ends.get((self._topic, partition), 0)


class MemoryTables:
    """Notes which tables were made and dropped."""

    def __init__(self) -> None:
        self.made: list[tuple[str, int]] = []
        self.dropped: list[tuple[str, int]] = []

    def make(self, view: View, generation: int) -> None:
        self.made.append((view.name, generation))

    def drop(self, view: View, generation: int) -> None:
        self.dropped.append((view.name, generation))


class MemoryRows:
    """Reads what a memory store holds, each partition of a table in a part of its own."""

    def __init__(self, store: MemoryViewStore) -> None:
        self._store = store
        self.before_reading: Callable[[int, int], None] = lambda generation, part: None

    def rows(
        self, table: Table, generation: int, part: int, parts: int
    ) -> Iterator[Mapping[str, Any]]:
        self.before_reading(generation, part)
        for key, columns in self._store.sealed_rows(table, generation).items():
            if self.part_of(table, key, parts) == part:
                row = {**dict(zip(table.key, key, strict=True)), **columns}
                yield blank_erased_columns(row, table)

    def part_of(self, table: Table, key: tuple[ColumnValue, ...], parts: int) -> int:
        """Say in which part a row is: always in the same one, and about as many in each."""
        place = blake2b(repr(key[: len(table.partition_key)]).encode(), digest_size=4).digest()
        return int.from_bytes(place) * parts >> 32


class Children:
    """Builders that are asked to run one after the other whenever the supervisor looks."""

    def __init__(self) -> None:
        self.subsets: list[PartitionSubset] = []
        self.exitcode: int | None = None
        self.terminated = 0

    def start(self, subset: PartitionSubset) -> "Children":
        self.subsets.append(subset)
        return self

    def terminate(self) -> None:
        self.terminated += 1

    def join(self) -> None:
        """It is gone at once."""


class Parts:
    """A log that is followed as generation 1, as far as views want it, and what rebuilds them."""

    def __init__(self, log: Log, views: Sequence[View] = (ASSETS_BY_DATE, CATEGORIES)) -> None:
        self.log = log
        topics = {view.topic.name for view in views}
        for partition in [each for each in log.records if each[0] not in topics]:
            del log.records[partition]
        self.store = MemoryViewStore()
        self.generations = MemoryGenerations()
        self.tables = MemoryTables()
        self.rows = MemoryRows(self.store)
        self.known: list[View] = [*views, *VIEWS]
        self.feeding = CatchUp(store=self.store, ends=self.ends, within_seconds=0.2)
        self.planner = RebuildPlanner(
            generations=self.generations,
            tables=self.tables,
            ends=self.ends,
            parked_records=self.store.parked_records,
        )
        self.switcher = GenerationSwitcher(
            generations=self.generations,
            feeding=self.feeding,
            tables=self.tables,
            definition=self.definition,
        )
        for view in views:
            first = Generation(
                view=view.name,
                number=1,
                revision=view.revision,
                state="following",
                started_at=LONG_AGO,
            )
            self.generations.add(first)
            self.generations.read(view.name, 1, LONG_AGO)
        self.feed()

    def definition(self, name: str, revision: int) -> View:
        return definition(name, revision, self.known)

    def ends(self, topic: Topic) -> Mapping[int, int]:
        return {at: self.log.ends.get((topic.name, at), 0) for at in range(topic.partitions)}

    def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        return {each: (0, self.log.ends.get(each, 0)) for each in partitions}

    def feed(self) -> None:
        """Let the projections apply all there is to every generation that follows."""
        live = [
            ViewGeneration(view=self.definition(each.view, each.revision), generation=each.number)
            for each in self.generations.all()
            if each.state == "following"
        ]
        Run(self.log, self.store, live=live)

    def open(self, topic: Topic, starts: Mapping[int, int]) -> AbstractContextManager[RecordSource]:
        return nullcontext(LogSource(self.log, topic, starts))

    def builder(self, subset: PartitionSubset | None = None) -> GenerationBuilder:
        return GenerationBuilder(
            subset=subset or PartitionSubset(number=0, of=1),
            generations=self.generations,
            store=self.store,
            open_source=self.open,
            bounds=self.bounds,
            definition=self.definition,
        )

    def supervisor(self, children: Children) -> RebuildSupervisor:
        return RebuildSupervisor(
            generations=self.generations,
            store=self.store,
            ends=self.ends,
            definition=self.definition,
            start=children.start,
        )

    def built(self, view: View) -> Generation:
        """Rebuild a view to its end, and have it fed."""
        begun = self.planner.start(view)
        stopping = CountingStop(8)
        self.builder().run(stopping)
        self.supervisor(Children()).run(CountingStop(2))
        self.feed()
        return self.generations.get(view.name, begun.number)

    def compared(self, view: View) -> ComparisonReport:
        before, after = (
            ViewGeneration(view=self.definition(each.view, each.revision), generation=each.number)
            for each in self.switcher.active_and_rebuilt(view.name)
        )
        report = compare_generations(before, after, rows=self.rows, feeding=self.feeding)
        self.generations.note(view.name, after.generation, report.comparison)
        return report


class CountingStop(Event):
    """Is set after so many looks, and never waits."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self._looks = looks

    def is_set(self) -> bool:
        self._looks -= 1
        return self._looks < 0

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()
