"""What customers may wish of a bulk operation, and how it goes on by itself."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import pytest

from domain import bulk_operation as operations
from domain import category as catalogues
from domain.bulk_operation import Operation
from domain.bulk_operation.commands import (
    CancelOperation,
    OperationCommand,
    PauseOperation,
    ResumeOperation,
    ThrottleOperation,
)
from domain.bulk_operation.events import (
    OperationEnded,
    OperationEvent,
    OperationPaused,
    OperationProgressed,
    OperationResumed,
    OperationSelected,
    OperationStarted,
    OperationThrottled,
)
from domain.bulk_operation.progress import CATEGORY_ITEM, progress_events, selection_events
from domain.bulk_operation.values import ItemOutcome, ItemResult, OperationState
from domain.category import EMPTY_CATALOGUE, Catalogue
from domain.errors import (
    CategoryAlreadyExists,
    CategoryIsArchived,
    IdempotencyKeyReused,
    OperationHasEnded,
    OperationIsReverted,
    OperationIsUnderWay,
    OperationNotFound,
    Refusal,
    UnknownCategory,
)
from domain.values import CategoryRef, CommandId, OperationId
from tests.support.bulk_operations import (
    OPERATION,
    REVERT,
    in_category,
    instructions,
    revert,
    start,
)
from tests.support.samples import NOON, archive_category, category_id, create_category, metadata

DELETE = start(instructions("delete"))
PAUSE = PauseOperation(metadata=metadata(OPERATION, fingerprint="p"))
RESUME = ResumeOperation(metadata=metadata(OPERATION, fingerprint="p"))
CANCEL = CancelOperation(metadata=metadata(OPERATION, fingerprint="p"))
FASTER = ThrottleOperation(metadata=metadata(OPERATION, fingerprint="p"), per_second=500)


class Tenant:
    """A tenant whose operations are decided one command after the other."""

    def __init__(self) -> None:
        self.catalogue: Catalogue = EMPTY_CATALOGUE
        self.operations: dict[OperationId, Operation] = {}
        for wish in (create_category("cats"), create_category("pets")):
            self.catalogue = reduce(
                catalogues.evolve, catalogues.decide(wish, self.catalogue, NOON), self.catalogue
            )

    def given(self, *commands: OperationCommand) -> "Tenant":
        for command in commands:
            self.happens(operations.decide(command, self.operations, self.catalogue, NOON))
        return self

    def goes_on(self, *items: str, result: ItemResult = "changed", last: bool = True) -> "Tenant":
        """Let its only operation select these items and settle them."""
        at = self.operations[OPERATION]
        self.happens(selection_events(at, items, after="1/x", is_last=last, now=NOON))
        outcomes = [outcome(item, result) for item in items]
        if outcomes:
            at = self.operations[OPERATION]
            self.happens(progress_events(at, outcomes, per_minute=60, now=NOON))
        return self

    def happens(self, events: Sequence[OperationEvent]) -> None:
        for event in events:
            operation_id = OperationId(event.metadata.entity_id)
            found = operations.evolve(self.operations.get(operation_id), event)
            assert found is not None
            assert found.version == event.metadata.entity_version
            self.operations[operation_id] = found

    def then(self, command: OperationCommand, *kinds: type[OperationEvent]) -> list[OperationEvent]:
        events = operations.decide(command, self.operations, self.catalogue, NOON)
        assert [type(event) for event in events] == list(kinds)
        self.happens(events)
        return events

    def then_refused(self, command: OperationCommand, kind: type[Refusal]) -> None:
        with pytest.raises(kind):
            operations.decide(command, self.operations, self.catalogue, NOON)


def outcome(item: str, result: ItemResult = "changed", code: str = "") -> ItemOutcome:
    return ItemOutcome(item=item, result=result, code=code, detail="", version=2)


def test_categories_are_known_by_id_from_the_start() -> None:
    wish = start(instructions("move", add=("pets",), remove=("cats",)), in_category("cats"))
    (event,) = Tenant().then(wish, OperationStarted)
    assert isinstance(event, OperationStarted)
    assert event.filter.category == CategoryRef(category_id("cats"))
    assert event.instructions.add == (CategoryRef(category_id("pets")),)


def test_what_names_a_category_that_is_not_there_is_refused() -> None:
    wish = start(instructions("move", add=("dogs",), remove=("cats",)), in_category("cats"))
    Tenant().then_refused(wish, UnknownCategory)
    Tenant().then_refused(start(instructions("delete"), in_category("dogs")), UnknownCategory)


def test_a_category_that_is_archived_cannot_be_merged() -> None:
    tenant = Tenant()
    events = catalogues.decide(archive_category("cats"), tenant.catalogue, NOON)
    tenant.catalogue = reduce(catalogues.evolve, events, tenant.catalogue)
    wish = start(instructions("merge_categories", add=("pets",), remove=("cats",)))
    tenant.then_refused(wish, CategoryIsArchived)


def test_a_split_needs_a_slug_of_its_own() -> None:
    wish = start(instructions("split_category", remove=("cats",), slug="pets"))
    Tenant().then_refused(wish, CategoryAlreadyExists)


def test_the_same_wish_again_changes_nothing_and_another_one_is_refused() -> None:
    tenant = Tenant().given(DELETE)
    tenant.then(DELETE)
    other = start(instructions("restore"), about=metadata(OPERATION, fingerprint="other"))
    tenant.then_refused(other, IdempotencyKeyReused)


def test_an_operation_is_held_and_goes_on() -> None:
    tenant = Tenant().given(DELETE)
    tenant.then(PAUSE, OperationPaused)
    assert tenant.operations[OPERATION].state is OperationState.PAUSED
    tenant.then(RESUME, OperationResumed)
    tenant.then(PAUSE)  # the same request came again, late
    assert tenant.operations[OPERATION].state is OperationState.RUNNING


def test_an_operation_gets_another_limit() -> None:
    tenant = Tenant().given(DELETE)
    tenant.then(FASTER, OperationThrottled)
    assert tenant.operations[OPERATION].per_second == 500
    another = replace(FASTER.metadata, command_id=CommandId("another"))
    tenant.then(replace(FASTER, metadata=another))


def test_it_ends_when_the_last_item_is_settled() -> None:
    done = Tenant().given(DELETE).goes_on("a", "b").operations[OPERATION]
    assert (done.state, done.counts.changed) == (OperationState.COMPLETED, 2)


def test_it_does_not_end_while_more_may_be_found() -> None:
    tenant = Tenant().given(DELETE).goes_on("a", last=False)
    assert tenant.operations[OPERATION].state is OperationState.RUNNING


def test_one_that_finds_nothing_ends_at_once() -> None:
    done = Tenant().given(DELETE).goes_on().operations[OPERATION]
    assert (done.state, done.total) == (OperationState.COMPLETED, 0)


def test_refusals_are_counted_by_reason() -> None:
    tenant = Tenant().given(DELETE)
    tenant.happens(
        selection_events(
            tenant.operations[OPERATION], ("a", "b", "c"), after="", is_last=True, now=NOON
        )
    )
    refused = [outcome(item, "refused", "AssetIsPurged") for item in ("a", "b")]
    at = tenant.operations[OPERATION]
    (event,) = progress_events(at, refused, per_minute=1, now=NOON)
    assert isinstance(event, OperationProgressed)
    assert [(each.code, each.items) for each in event.refusals] == [("AssetIsPurged", 2)]
    assert event.counts.processed == 2


def test_a_category_that_cannot_be_opened_ends_it_as_failed() -> None:
    wish = start(instructions("split_category", remove=("cats",), slug="kittens"))
    tenant = Tenant().given(wish)
    at = tenant.operations[OPERATION]
    (found,) = selection_events(at, [CATEGORY_ITEM], after="", is_last=False, now=NOON)
    assert isinstance(found, OperationSelected)
    tenant.happens([found])
    refused = [outcome(CATEGORY_ITEM, "refused", "CategoryAlreadyExists")]
    events = progress_events(tenant.operations[OPERATION], refused, per_minute=1, now=NOON)
    assert isinstance(events[-1], OperationEnded)
    assert events[-1].state is OperationState.FAILED
    assert [event.metadata.entity_version for event in events] == [3, 4]


def test_what_has_ended_cannot_be_steered() -> None:
    tenant = Tenant().given(DELETE, CANCEL)
    for command in (PAUSE, RESUME, FASTER):
        another = replace(command.metadata, command_id=CommandId("another"))
        tenant.then_refused(replace(command, metadata=another), OperationHasEnded)
    tenant.then(CANCEL)
    unknown = replace(PAUSE, metadata=metadata(REVERT, fingerprint="p"))
    tenant.then_refused(unknown, OperationNotFound)


def test_only_what_has_ended_is_reverted_and_only_once() -> None:
    tenant = Tenant().given(DELETE)
    tenant.then_refused(revert(), OperationIsUnderWay)
    tenant.goes_on("a", "b")
    (event,) = tenant.then(revert(), OperationStarted)
    assert isinstance(event, OperationStarted)
    assert (event.reverts, event.total, event.depth) == (OPERATION, 2, 1)
    another = revert(about=metadata("0190b6f0-0000-7000-8000-0000000000a3", fingerprint="x"))
    tenant.then_refused(another, OperationIsReverted)
    tenant.then_refused(revert(OperationId("unknown"), about=another.metadata), OperationNotFound)


def test_reverting_what_changed_nothing_ends_at_once() -> None:
    events = Tenant().given(DELETE).goes_on().then(revert(), OperationStarted, OperationEnded)
    assert [event.metadata.entity_version for event in events] == [1, 2]


def test_reverting_what_was_cancelled_goes_as_far_as_it_may_have_got() -> None:
    many = [f"{number}" for number in range(500)]
    tenant = Tenant().given(DELETE)
    tenant.happens(
        selection_events(tenant.operations[OPERATION], many, after="", is_last=True, now=NOON)
    )
    at = tenant.operations[OPERATION]
    tenant.happens(progress_events(at, [outcome("0")], per_minute=1, now=NOON))
    tenant.given(CANCEL)
    (event,) = tenant.then(revert(), OperationStarted)
    assert isinstance(event, OperationStarted)
    assert event.total == 101  # one round of 100 may have been under way
