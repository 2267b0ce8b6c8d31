"""What an operation does to an asset is taken back whole, and nothing else is."""

from dataclasses import replace

from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st

from domain import asset as assets
from domain import bulk_operation as operations
from domain.asset import Asset
from domain.asset.commands import AssetCommand, DescribeAsset
from domain.asset.events import AssetEvent
from domain.bulk_operation import Operation
from domain.bulk_operation.compensation import AlreadyReverted, RevertConflict, compensate
from domain.bulk_operation.item_commands import asset_command_for, metadata_for
from domain.bulk_operation.values import Instructions, OperationState
from domain.errors import Refusal
from domain.values import OperationId, Status
from tests.support.bulk_operations import ANY, REVERT, instructions, revert, start
from tests.support.history_maker import ASSETS, Tenant, Wish, tenant, wishes
from tests.support.samples import NOON, metadata

kinds = st.sampled_from(
    [
        instructions("recategorise", categories=("cats",)),
        instructions("recategorise", add=("dogs",), remove=("cats",)),
        instructions("move", add=("pets",), remove=("dogs",)),
        instructions("tag", tags=("1", "new")),
        instructions("untag", tags=("1", "cat")),
        instructions("delete"),
        instructions("restore"),
        instructions("reprocess"),
        instructions("refresh"),
    ]
)
others = st.sampled_from(
    ["describe", "categorise", "retag", "delete", "restore", "reprocess", "refresh"]
)
AN_ASSET = ASSETS[0]
CATEGORY_VERBS = {"create", "rename", "move", "archive", "unarchive"}
calm = wishes.map(lambda chosen: [wish for wish in chosen if wish[0] not in CATEGORY_VERBS])
# Many an operation has nothing to change in what chance made.
patient = settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


def histories_of(one: Tenant) -> list[AssetEvent]:
    return [
        event
        for event in one.events
        if isinstance(event, AssetEvent) and event.metadata.entity_id == AN_ASSET
    ]


def put(one: Tenant, command: AssetCommand) -> None:
    """Have a command decided at some moment after all that happened."""
    for event in assets.decide(command, one.assets.get(AN_ASSET), one.catalogue, NOON):
        changed = assets.evolve(one.assets.get(AN_ASSET), event)
        assert changed is not None
        one.assets[AN_ASSET] = changed
        one.events.append(event)


def begun(wanted: Instructions) -> Operation:
    (event,) = operations.decide(start(wanted, ANY), {}, tenant([]).catalogue, NOON)
    found = operations.evolve(None, event)
    assert found is not None
    return found


def reverting(operation: Operation, by: OperationId = REVERT) -> Operation:
    """Begin to take back an operation that has ended."""
    ended = replace(operation, state=OperationState.COMPLETED, total=1)
    wish = revert(operation.operation_id, about=metadata(by, fingerprint=by))
    (event,) = operations.decide(wish, {operation.operation_id: ended}, tenant([]).catalogue, NOON)
    found = operations.evolve(None, event)
    assert found is not None
    return found


def take_back(one: Tenant, revert_: Operation) -> object:
    assert revert_.reverts is not None
    back = compensate(histories_of(one), revert_.reverts, metadata_for(revert_, AN_ASSET, 0))
    if back is not None and not isinstance(back, RevertConflict | AlreadyReverted):
        put(one, back)
    return back


def shown(asset: Asset | None) -> object:
    """Give what customers see of an asset: not how often it changed, nor its runs."""
    assert asset is not None
    mark = asset.picture and asset.picture.watermark
    about = (asset.status, asset.category_ids, asset.description)
    return (*about, asset.listing, asset.original, mark)


def changed_by(one: Tenant, wanted: Instructions) -> Operation:
    """Let an operation change the asset, or give the example up."""
    operation = begun(wanted)
    known = len(one.events)
    try:
        put(one, asset_command_for(operation, metadata_for(operation, AN_ASSET, 0)))
    except Refusal:
        reject()
    assume(len(one.events) > known)
    return operation


@patient
@given(calm, kinds)
def test_an_operation_and_its_revert_leave_all_as_it_was(
    chosen: list[Wish], wanted: Instructions
) -> None:
    one = tenant([("submit", 0, 0, 1), ("publish", 0, 0, 1), *chosen])
    before = shown(one.assets.get(AN_ASSET))
    operation = changed_by(one, wanted)
    after = shown(one.assets[AN_ASSET])
    undone = reverting(operation)
    assert not isinstance(take_back(one, undone), RevertConflict)
    assert shown(one.assets[AN_ASSET]) == before
    assert isinstance(
        take_back(one, undone), AlreadyReverted | None
    )  # a second time changes nothing
    assert shown(one.assets[AN_ASSET]) == before
    take_back(one, reverting(undone, OperationId("again")))
    assert shown(one.assets[AN_ASSET]) == after


@patient
@given(calm, kinds, others)
def test_a_later_change_is_never_undone(
    chosen: list[Wish], wanted: Instructions, verb: str
) -> None:
    one = tenant([("submit", 0, 0, 1), ("publish", 0, 0, 1), *chosen])
    operation = changed_by(one, wanted)
    known = len(one.events)
    one.decide((verb, 0, 2, 2))
    assume(len(one.events) > known)
    later = one.assets[AN_ASSET]
    try:
        back = take_back(one, reverting(operation))
    except Refusal:
        assert one.assets[AN_ASSET] == later
        return
    now = one.assets[AN_ASSET]
    if isinstance(back, RevertConflict):
        assert now == later
    match verb:
        case "describe":
            assert now.description.title == later.description.title
        case "categorise":
            assert now.category_ids == later.category_ids
        case "retag":
            assert now.description.tags == later.description.tags
        case "delete":
            assert now.status is Status.DELETED
        case "restore":
            assert now.status is later.status
        case "reprocess" | "refresh":
            assert now.run >= later.run


def carried_out(one: Tenant, wanted: Instructions) -> Operation:
    operation = begun(wanted)
    put(one, asset_command_for(operation, metadata_for(operation, AN_ASSET, 0)))
    return operation


def test_a_refresh_that_changed_nothing_is_not_taken_back() -> None:
    one = tenant([("submit", 0, 0, 1), ("publish", 0, 0, 1)])
    refreshed = carried_out(one, instructions("refresh"))
    one.decide(("confirm", 0, 0, 0))
    assert take_back(one, reverting(refreshed)) is None


def test_a_later_refresh_is_in_the_way_until_it_has_changed_nothing() -> None:
    one = tenant([("submit", 0, 0, 1), ("publish", 0, 0, 1)])
    reprocessed = carried_out(one, instructions("reprocess"))
    one.decide(("publish", 0, 1, 1))
    one.decide(("refresh", 0, 0, 0))
    assert isinstance(take_back(one, reverting(reprocessed)), RevertConflict)
    one.decide(("confirm", 0, 0, 0))
    assert not isinstance(take_back(one, reverting(reprocessed)), RevertConflict)


def test_what_was_restored_is_deleted_again_unless_somebody_restored_it_later() -> None:
    one = tenant([("submit", 0, 0, 1), ("publish", 0, 0, 1), ("delete", 0, 0, 0)])
    restored = carried_out(one, instructions("restore"))
    one.decide(("delete", 0, 0, 0))
    assert take_back(one, reverting(restored)) is None  # it is deleted, as it was before
    one.decide(("restore", 0, 0, 0))
    assert isinstance(take_back(one, reverting(restored)), RevertConflict)
    assert one.assets[AN_ASSET].status is not Status.DELETED


def test_what_was_restored_is_deleted_again() -> None:
    one = tenant([("submit", 0, 0, 1), ("publish", 0, 0, 1), ("delete", 0, 0, 0)])
    restored = carried_out(one, instructions("restore"))
    take_back(one, reverting(restored))
    assert one.assets[AN_ASSET].status is Status.DELETED


def test_tags_that_somebody_changed_later_stay_and_a_later_title_is_no_hindrance() -> None:
    one = tenant([("submit", 0, 0, 1), ("publish", 0, 0, 1)])
    tagged = carried_out(one, instructions("tag", tags=("new",)))
    put(one, DescribeAsset(metadata=metadata(AN_ASSET), patch='{"title": "of a customer"}'))
    titled = one.assets[AN_ASSET].description
    assert titled.tags == ("new",)
    again = tenant([("submit", 0, 0, 1), ("publish", 0, 0, 1)])
    carried_out(again, instructions("tag", tags=("new",)))
    again.decide(("retag", 0, 2, 2))
    retagged = again.assets[AN_ASSET].description

    assert isinstance(take_back(again, reverting(tagged)), RevertConflict)
    assert again.assets[AN_ASSET].description == retagged
    assert not isinstance(take_back(one, reverting(tagged)), RevertConflict | None)
    assert one.assets[AN_ASSET].description.title == titled.title
    assert one.assets[AN_ASSET].description.tags == ()
