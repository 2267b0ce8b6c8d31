"""A preview equals what then happens: every kind of operation on assets in every state."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from command_api.decider.command_batch import CommandBatch
from command_api.decider.folded_state import FoldedState
from command_api.operation_previews import OperationPreviews
from command_api.responses.preview_responses import PreviewAnswer
from domain import bulk_operation as operations
from domain.asset.commands import (
    AdjustTags,
    AssetCommand,
    DeleteAsset,
    PurgeAsset,
    RefreshAsset,
    RejectAsset,
    ReplaceSource,
    ReprocessAsset,
    RestoreAsset,
)
from domain.bulk_operation.commands import StartOperation
from domain.bulk_operation.item_commands import (
    asset_command_for,
    category_command_for,
    metadata_for,
)
from domain.bulk_operation.progress import CATEGORY_ITEM
from domain.bulk_operation.selection import Candidate, default_statuses, matches
from domain.bulk_operation.values import Filter, Instructions, OperationKind
from domain.category import Catalogue
from domain.category.commands import CatalogueCommand
from domain.errors import Refusal
from domain.values import AssetId, CategoryRef, Source, Status, TenantId
from infra.http.problems import name_of
from read_models.assets_by_shard.projection import ASSETS, ASSETS_BY_SHARD
from read_models.assets_by_shard.queries import candidate_of
from tests.property.test_histories import asset_commands
from tests.support.bulk_operations import ANY, OPERATION, instructions, start
from tests.support.fakes.memory_decider import MemoryDecider, folded_state
from tests.support.fakes.memory_views import MemoryViewStore
from tests.support.samples import (
    ACME,
    CAT_PICTURE,
    DOG_PICTURE,
    NOON,
    archive_category,
    category_id,
    create_category,
    metadata,
    publish,
    submit,
)

UPLOAD = Source(url=None, upload_key=None, file_name="cat.jpg")
TREE: tuple[CatalogueCommand, ...] = (
    create_category("cats"),
    create_category("dogs"),
    create_category("kittens", parent="cats"),
    create_category("old"),
    archive_category("old"),
)
KINDS: Sequence[OperationKind] = get_args(OperationKind)
MANY_TAGS = tuple(str(number) for number in range(50))


def named(number: int) -> AssetId:
    return AssetId(f"0190b6f0-0000-7000-8000-{number:012d}")


def states() -> Iterator[list[AssetCommand]]:
    """Bring an asset into every state, by commands that get their metadata later."""
    by_url, upload = (submit(metadata(""), "cats", source=s) for s in (CAT_PICTURE, UPLOAD))
    published = publish(metadata(""))
    rejected = RejectAsset(
        metadata=metadata(""), run=1, code="timeout", detail="", attempts=1, duplicate_of=None
    )
    again: list[AssetCommand] = [
        ReprocessAsset(metadata=metadata(""), preset=None, is_bulk=False),
        ReplaceSource(metadata=metadata(""), source=DOG_PICTURE),
        ReplaceSource(metadata=metadata(""), source=UPLOAD),
        RefreshAsset(metadata=metadata(""), is_bulk=False),
        AdjustTags(metadata=metadata(""), add=("a",), remove=()),
        AdjustTags(metadata=metadata(""), add=MANY_TAGS, remove=()),
    ]
    deletions: list[list[AssetCommand]] = [
        [],
        [DeleteAsset(metadata=metadata(""))],
        [DeleteAsset(metadata=metadata("")), RestoreAsset(metadata=metadata(""))],
        [DeleteAsset(metadata=metadata("")), PurgeAsset(metadata=metadata(""))],
    ]
    for source in (by_url, upload):
        endings: list[list[AssetCommand]] = [[], [published], [rejected]]
        for ended in endings + [[published, each] for each in again]:
            yield from ([source, *ended, *gone] for gone in deletions)
        two = replace(source, categories=(CategoryRef("cats"), CategoryRef("dogs")))
        yield [two, published]


class Happened(NamedTuple):
    """What an operation came to, as a preview tells it, and the round that has its assets."""

    told: PreviewAnswer
    round: CommandBatch


class Views:
    """The walk over what the view shows of a decider's log."""

    def __init__(self, decider: MemoryDecider) -> None:
        store = MemoryViewStore()
        for event in decider.events:
            store.write(ASSETS_BY_SHARD.rows(event), generation=1)
        rows = [
            {**dict(zip(ASSETS.key, key, strict=True)), **columns}
            for key, columns in store.rows(ASSETS).items()
        ]
        self._tree = decider.tree
        self.candidates = [each for row in rows if (each := candidate_of(row))]

    async def scan(self, _tenant_id: TenantId) -> AsyncIterator[Candidate]:
        for candidate in self.candidates:
            yield candidate

    async def named(
        self, _tenant_id: TenantId, asset_ids: Sequence[AssetId]
    ) -> AsyncIterator[Candidate]:
        for candidate in self.candidates:
            if candidate.asset_id in asset_ids:
                yield candidate

    async def catalogue(self, _tenant_id: TenantId) -> Catalogue:
        return self._tree


def what_happens(decider: MemoryDecider, views: Views, command: StartOperation) -> Happened:
    """Carry the operation out as the operator does, in a round of which nothing is kept."""
    begun = operations.replay(operations.decide(command, {}, decider.tree, NOON))
    assert begun is not None
    kind = begun.instructions.kind
    chosen = begun.filter.asset_ids or [
        each.asset_id for each in views.candidates if matches(begun.filter, each)
    ]
    current = decider.round()

    def change_category() -> str | None:
        about = metadata_for(begun, CATEGORY_ITEM, 0)
        decision = current.decide(0, category_command_for(begun, about))
        return problem(decision.refusal) if decision.refusal else None

    told = PreviewAnswer(matched=len(chosen))
    if kind == "split_category":
        told.category_problem = change_category()
        if told.category_problem:
            return Happened(told, current)
    refusals: Counter[str] = Counter()
    for asset_id in chosen:
        decision = current.decide(0, asset_command_for(begun, metadata_for(begun, asset_id, 0)))
        if decision.refusal:
            refusals[problem(decision.refusal)] += 1
        told.count += bool(decision.events)
        told.unchanged += not decision.events and not decision.refusal
    told.refused = dict(refusals)
    if kind == "merge_categories":
        told.category_problem = change_category()
    return Happened(told, current)


def problem(refusal: Refusal) -> str:
    return name_of(type(refusal))


def wishes(kind: OperationKind) -> Iterator[Instructions]:
    """Ask for every variant of a kind that changes other assets than the others do."""
    match kind:
        case "recategorise":
            yield instructions(kind, categories=("cats",))
            yield instructions(kind, categories=("dogs", "kittens"))
            yield instructions(kind, add=("dogs",), remove=("cats",))
            yield instructions(kind, remove=("cats",))
            yield instructions(kind, add=("old",))
            yield instructions(kind, add=("nowhere",))
        case "move" | "merge_categories":
            yield instructions(kind, add=("dogs",), remove=("cats",))
            yield instructions(kind, add=("cats",), remove=("dogs",))
        case "split_category":
            yield instructions(kind, remove=("cats",), slug="new")
            yield instructions(kind, remove=("cats",), slug="dogs")
        case "tag" | "untag":
            yield instructions(kind, tags=("a",))
            yield instructions(kind, tags=("a", "b"))
        case _:
            yield instructions(kind)


def filters(wanted: Instructions, known: Sequence[AssetId]) -> Iterator[Filter]:
    """Choose assets by their category, where the kind needs one, or else every way."""
    if wanted.kind in ("move", "merge_categories", "split_category"):
        yield replace(ANY, category=wanted.remove[0])
        return
    yield replace(ANY, statuses=default_statuses(wanted.kind))
    for status in (Status.SUBMITTED, Status.PUBLISHED, Status.REJECTED, Status.DELETED):
        yield replace(ANY, statuses=(status,))
    yield replace(ANY, statuses=default_statuses(wanted.kind), asset_ids=(*known, named(10**9)))
    for asset_id in known[:2]:
        yield replace(ANY, statuses=default_statuses(wanted.kind), asset_ids=(asset_id,))


def compare(
    state: FoldedState, histories: Sequence[list[AssetCommand]], kind: OperationKind
) -> int:
    """Preview and carry out each operation of a kind on the same assets; count the items."""
    known = [named(number) for number in range(len(histories))]
    decider = MemoryDecider(state, *TREE)
    for asset_id, history in zip(known, histories, strict=True):
        for each in history:
            decider.decide(replace(each, metadata=metadata(asset_id)))
    views = Views(decider)
    previews = OperationPreviews(lambda: views)
    seen = 0
    for wanted in wishes(kind):
        for which in filters(wanted, known):
            command = start(wanted, which, about=metadata(OPERATION, fingerprint="f"))
            try:
                shown = asyncio.run(previews.preview(command))
            except Refusal as refusal:
                with pytest.raises(type(refusal)):
                    operations.decide(command, {}, decider.tree, NOON)
                continue
            happened = what_happens(decider, views, command)
            told = {"matched", "count", "unchanged", "refused", "category_problem"}
            assert shown.model_dump(include=told) == happened.told.model_dump(include=told), command
            assert_shown(shown, happened.round)
            seen += happened.told.matched
    return seen


def assert_shown(shown: PreviewAnswer, after: CommandBatch) -> None:
    """Find in the assets what the preview said they would be."""
    slugs = {category_id(each): each for each in ("cats", "dogs", "kittens")} | {OPERATION: "new"}
    for item in shown.items:
        asset = after.changes[0].assets[ACME, AssetId(item.asset_id)]
        if item.field == "tags":
            assert item.after == asset.description.tags
        if item.field == "categories":
            assert {*item.after} == {slugs[each] for each in asset.category_ids}
        if item.field == "status" and item.after == "deleted":
            assert asset.status is Status.DELETED


@pytest.fixture(scope="module")
def state() -> Iterator[FoldedState]:
    with folded_state() as made:
        yield made


@pytest.mark.parametrize("kind", KINDS)
def test_a_preview_equals_what_happens_to_assets_in_every_state(
    state: FoldedState, kind: OperationKind
) -> None:
    assert compare(state, list(states()), kind)


@settings(max_examples=30)
@given(
    st.lists(st.lists(asset_commands, min_size=3, max_size=12), min_size=1, max_size=4),
    st.sampled_from(KINDS),
)
def test_a_preview_equals_what_happens_whatever_happened_before(
    state: FoldedState, histories: list[list[AssetCommand]], kind: OperationKind
) -> None:
    begun = [[submit(metadata(""), "cats"), *history] for history in histories]
    compare(state, begun, kind)
