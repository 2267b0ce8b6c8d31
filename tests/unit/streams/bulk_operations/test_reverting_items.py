"""What becomes of an asset that a revert cannot take back, while the others are."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from domain.asset.commands import DescribeAsset
from domain.asset.events import AssetDescribed, AssetEvent
from domain.bulk_operation import Operation, decide, evolve
from domain.bulk_operation.events import OperationEvent, OperationProgressed
from domain.bulk_operation.item_commands import asset_command_for, metadata_for
from domain.bulk_operation.progress import progress_events, selection_events
from domain.bulk_operation.values import ItemOutcome
from domain.category import EMPTY_CATALOGUE
from domain.command_routing import stream_of
from domain.commands import CommandMetadata
from domain.outcomes import Outcome, outcome_in
from infra.cassandra.session import Row
from infra.decider_runtime.command_client import CommandClient
from infra.decider_runtime.pending_replies import PendingReplies
from infra.errors import RecordRefused
from read_models.assets_by_shard.queries import AssetScan
from read_models.json_columns import as_json
from read_models.view_reader import ViewReader
from streams.bulk_operations.item_executor import ItemExecutor
from streams.bulk_operations.operation_decider import OperationDecider
from streams.bulk_operations.operation_executor import OperationExecutor
from streams.bulk_operations.tracked_operations import TrackedOperation, TrackedOperations
from streams.bulk_operations.view_barrier import ViewBarrier
from tests.support.bulk_operations import OPERATION, REVERT, instructions, revert, start
from tests.support.fakes.fake_decider import AnyCommand, FakeDecider
from tests.support.fakes.memory_cql import MemoryCql
from tests.support.samples import ACME, NOON, metadata, submit
from tests.unit.domain.bulk_operation.test_operation import outcome

ASSETS = tuple(f"0190b6f0-0000-7000-8000-{number:012d}" for number in range(3))
FIRST, MIDDLE, LAST = ASSETS


@dataclass
class Views(MemoryCql):
    """The history of each asset, but for events that are parked or came too late to be seen."""

    events: Sequence[Any] = ()
    parked: dict[str, int] = field(default_factory=dict)  # from which version on
    unseen: set[tuple[str, int]] = field(default_factory=set)

    async def select(
        self, statement: str, parameters: Sequence[object] = (), *, page_size: int = 1_000
    ) -> list[Row]:
        """Give what the view has, or what is parked."""
        if "FROM asset_history" in statement:
            _, asset_id, seen = parameters
            return [self._row(event) for event in self.events if self._shows(event, asset_id, seen)]
        if "FROM parked_records" in statement:
            assert parameters[:3] == ("asset_history", 1, "asset-events")
            key = parameters[3]
            assert isinstance(key, bytes)
            return [{"entity_key": key}] if key.decode() in self.parked else []
        return await super().select(statement, parameters, page_size=page_size)

    def _shows(self, event: object, asset_id: object, seen: object) -> bool:
        if not isinstance(event, AssetEvent) or event.metadata.entity_id != asset_id:
            return False
        version = event.metadata.entity_version
        assert isinstance(seen, int)
        return (
            seen < version < self.parked.get(event.metadata.entity_id, 1_000)
            and (event.metadata.entity_id, version) not in self.unseen
        )

    def _row(self, event: AssetEvent) -> Row:
        return {
            "entity_version": event.metadata.entity_version,
            "name": type(event).__name__,
            "event": as_json(event),
        }


class Book(OperationDecider):
    """A ledger with a revert of the three assets, and what was noted of it."""

    def __init__(self, operation: Operation, tracked_operations: TrackedOperations) -> None:
        self.tracked_operations = tracked_operations
        self.outcomes: list[ItemOutcome] = []
        self.reverted = operation

    def step(self, wait_seconds: float = 0) -> int:
        return 0

    def under_way(self) -> list[TrackedOperation]:
        return list(self.tracked_operations.under_way())

    def items(self, tracked: TrackedOperation) -> list[str]:
        return list(ASSETS)

    def note(self, tracked: TrackedOperation, events: Sequence[OperationEvent]) -> None:
        for event in events:
            self.tracked_operations.take_in(event, 100)
            if isinstance(event, OperationProgressed):
                self.outcomes += event.outcomes


class Open(ViewBarrier):
    """A view that shows all."""

    def __init__(self) -> None:
        pass

    async def is_open(self) -> bool:
        return True


class Bench:
    """Three assets that an operation tagged, and an operator that is to take that back."""

    def __init__(self) -> None:
        self.answers = PendingReplies[Outcome](0, outcome_in)
        self.decider = FakeDecider(self.answers)
        self.views = Views(events=self.decider.events)
        self.seconds = 0.0
        tracked_operations = TrackedOperations(0)
        for event in decide(start(instructions("tag", tags=("new",))), {}, EMPTY_CATALOGUE, NOON):
            tracked_operations.take_in(event, 10)
        tagging = tracked_operations.of(ACME)[OPERATION]
        for asset_id in ASSETS:
            self.decider.decide(submit(metadata(asset_id)))
            about = metadata_for(tagging, asset_id, 0)
            self.decider.decide(asset_command_for(tagging, about))
        (found,) = selection_events(tagging, ASSETS, after="", is_last=True, now=NOON)
        tracked_operations.take_in(found, 11)
        tagging = evolve(tagging, found) or tagging
        done = [outcome(asset_id) for asset_id in ASSETS]
        for event in progress_events(tagging, done, per_minute=1, now=NOON):
            tracked_operations.take_in(event, 12)
        for event in decide(revert(), tracked_operations.of(ACME), EMPTY_CATALOGUE, NOON):
            tracked_operations.take_in(event, 13)
        self.book = Book(tagging, tracked_operations)
        self.operator = OperationExecutor(
            self.book,
            ItemExecutor(
                CommandClient(self.decider, self.answers, stream_of),
                ViewReader(self.views),
                0,
            ),
            AssetScan(ViewReader(self.views)),
            lambda _: Open(),
            lambda: NOON,
            lambda: self.seconds,
        )

    def describe(self, asset_id: str, title: str) -> None:
        """Have a customer change an asset."""
        about: CommandMetadata = metadata(asset_id)
        self.decider.decide(DescribeAsset(metadata=about, patch=f'{{"title": "{title}"}}'))

    def operate(self, *, rounds: int = 1) -> dict[str, tuple[str, str]]:
        """Take steps, and say what became of each asset."""
        for _ in range(rounds):
            asyncio.run(self.operator.step())
            self.seconds += 60
        return {each.item: (each.result, each.code) for each in self.book.outcomes}

    def tags(self, asset_id: str) -> tuple[str, ...]:
        described = [
            event
            for event in self.decider.events
            if isinstance(event, AssetDescribed) and event.metadata.entity_id == asset_id
        ]
        return described[-1].description.tags


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_all_are_taken_back_while_the_view_shows_all(bench: Bench) -> None:
    assert bench.operate() == dict.fromkeys(ASSETS, ("changed", ""))
    assert {bench.tags(each) for each in ASSETS} == {()}


@pytest.mark.parametrize(
    "parked_from", [1, 2, 3], ids=["the first", "what is taken back", "a later one"]
)
def test_an_asset_whose_events_are_parked_is_named_and_the_others_go_on(
    bench: Bench, parked_from: int
) -> None:
    bench.describe(MIDDLE, "of a customer")
    bench.views.parked[MIDDLE] = parked_from

    became = bench.operate()

    assert became == {
        FIRST: ("changed", ""),
        MIDDLE: ("refused", "HistoryIncomplete"),
        LAST: ("changed", ""),
    }
    assert bench.tags(MIDDLE) == ("new",)
    assert REVERT not in {each.operation.operation_id for each in bench.book.under_way()}
    (told,) = [each for each in bench.book.outcomes if each.item == MIDDLE]
    assert "asset_history" in told.detail


def test_an_event_that_the_view_was_told_to_go_on_without_is_a_gap(bench: Bench) -> None:
    """Taken for whole, that history would have the customer's change undone unseen."""
    bench.describe(MIDDLE, "one")
    bench.describe(MIDDLE, "two")
    bench.views.parked[MIDDLE] = 1_000
    bench.views.unseen = {(MIDDLE, 3)}

    assert bench.operate()[MIDDLE] == ("refused", "HistoryIncomplete")


def test_an_event_that_the_view_will_show_is_waited_for(bench: Bench) -> None:
    bench.describe(MIDDLE, "of a customer")
    bench.views.unseen = {(MIDDLE, 3)}
    assert bench.operate(rounds=3) == {}

    bench.views.unseen = set()

    assert bench.operate() == dict.fromkeys(ASSETS, ("changed", ""))


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (RuntimeError("it cannot be spelled"), "InternalError"),
        (RecordRefused("it is too large"), "RecordRefused"),
    ],
    ids=["ours", "the broker's"],
)
def test_a_command_that_cannot_be_sent_ends_its_own_item_only(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, trouble: Exception, code: str
) -> None:
    ask = CommandClient.ask

    async def asked(
        self: CommandClient[Outcome], command: AnyCommand, wait_seconds: float
    ) -> object:
        if command.metadata.entity_id == MIDDLE:
            raise trouble
        return await ask(self, command, wait_seconds)

    monkeypatch.setattr(CommandClient, "ask", asked)

    assert bench.operate() == {
        FIRST: ("changed", ""),
        MIDDLE: ("refused", code),
        LAST: ("changed", ""),
    }
