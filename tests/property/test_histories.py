"""Whatever is wished for, in whatever order, a history keeps its promises."""

from datetime import timedelta
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from domain import asset as assets
from domain import category as catalogues
from domain.asset.commands import (
    AdjustCategories,
    AdjustTags,
    AssetCommand,
    ConfirmAsset,
    DelayAsset,
    DeleteAsset,
    DescribeAsset,
    PurgeAsset,
    RefreshAsset,
    RejectAsset,
    ReplaceSource,
    ReprocessAsset,
    RepublishAsset,
    RestoreAsset,
)
from domain.asset.events import (
    AssetConfirmed,
    AssetDelayed,
    AssetEvent,
    AssetPublished,
    AssetRejected,
)
from domain.category.commands import CatalogueCommand, MoveCategory, RenameCategory, RestoreCategory
from domain.category.events import CatalogueEvent
from domain.errors import Refusal
from domain.values import CategoryRef, CategorySlug
from tests.support.messages import instances_of
from tests.support.samples import (
    ACME,
    CAT_PICTURE,
    DOG_PICTURE,
    FACTS,
    FETCH,
    LARGE,
    NOON,
    ORIGINAL,
    THUMB,
    archive_category,
    create_category,
    metadata,
    publish,
    set_categories,
    submit,
)
from tests.support.spec import Given

ASSET = "0190b6f0-0000-7000-8000-000000000001"
SLUGS = ("cats", "dogs", "pets")


def any_of(union: object) -> st.SearchStrategy[Any]:
    return st.one_of([instances_of(kind) for kind in get_args(union)])


slugs = st.sampled_from(SLUGS)
runs = st.integers(1, 4)
asset_commands: st.SearchStrategy[AssetCommand] = st.one_of(
    st.builds(
        lambda slug, source: submit(metadata(ASSET), slug, source=source),
        slugs,
        st.sampled_from([CAT_PICTURE, DOG_PICTURE]),
    ),
    st.builds(lambda run: publish(metadata(ASSET), run=run), runs),
    st.builds(
        lambda run: RejectAsset(
            metadata=metadata(ASSET),
            run=run,
            code="timeout",
            detail="",
            attempts=1,
            duplicate_of=None,
        ),
        runs,
    ),
    st.builds(
        lambda run, attempts: DelayAsset(
            metadata=metadata(ASSET),
            run=run,
            code="timeout",
            detail="",
            attempts=attempts,
            retry_at=NOON,
        ),
        runs,
        st.integers(1, 3),
    ),
    st.builds(lambda some: set_categories(metadata(ASSET), *some), st.lists(slugs, min_size=1)),
    st.builds(
        lambda add, remove, if_in: AdjustCategories(
            metadata=metadata(ASSET),
            add=tuple(map(CategoryRef, add)),
            remove=tuple(map(CategoryRef, remove)),
            if_in=if_in and CategoryRef(if_in),
        ),
        st.lists(slugs, max_size=2),
        st.lists(slugs, max_size=2),
        st.none() | slugs,
    ),
    st.builds(
        lambda add, remove: AdjustTags(metadata=metadata(ASSET), add=(add,), remove=(remove,)),
        slugs,
        slugs,
    ),
    st.just(
        RepublishAsset(
            metadata=metadata(ASSET),
            original=ORIGINAL,
            renditions=(THUMB, LARGE),
            facts=FACTS,
            pipeline_version=1,
            watermark=None,
            fetch=None,
        )
    ),
    st.builds(
        lambda title: DescribeAsset(metadata=metadata(ASSET), patch=f'{{"title": "{title}"}}'),
        st.sampled_from(["one", "two"]),
    ),
    st.sampled_from([DeleteAsset, RestoreAsset, PurgeAsset]).map(
        lambda kind: kind(metadata=metadata(ASSET))
    ),
    st.just(ReprocessAsset(metadata=metadata(ASSET), preset=None, is_bulk=False)),
    st.sampled_from([False, True]).map(
        lambda is_bulk: RefreshAsset(metadata=metadata(ASSET), is_bulk=is_bulk)
    ),
    runs.map(lambda run: ConfirmAsset(metadata=metadata(ASSET), run=run, fetch=FETCH)),
    st.just(ReplaceSource(metadata=metadata(ASSET), source=DOG_PICTURE)),
)
category_commands: st.SearchStrategy[CatalogueCommand] = st.one_of(
    st.builds(lambda slug, parent: create_category(slug, parent=parent), slugs, st.none() | slugs),
    st.builds(
        lambda slug, to: RenameCategory(
            metadata=metadata(ACME), category=CategoryRef(slug), name=None, slug=CategorySlug(to)
        ),
        slugs,
        slugs,
    ),
    st.builds(
        lambda slug, parent: MoveCategory(
            metadata=metadata(ACME),
            category=CategoryRef(slug),
            parent=None if parent is None else CategoryRef(parent),
        ),
        slugs,
        st.none() | slugs,
    ),
    slugs.map(archive_category),
    slugs.map(lambda slug: RestoreCategory(metadata=metadata(ACME), category=CategoryRef(slug))),
)
wishes = st.lists(st.one_of(asset_commands, category_commands), max_size=30)


def history_of(commands: list[AssetCommand | CatalogueCommand]) -> tuple[Given, list[AssetEvent]]:
    history, events = Given(*map(create_category, SLUGS)), []
    for number, command in enumerate(commands):
        try:
            # A clock that now and then goes back.
            now = NOON + timedelta(seconds=number if number % 3 else -number)
            decided = history.happens(command, now)
        except Refusal:
            continue
        events += [event for event in decided if isinstance(event, AssetEvent)]
    return history, events


@given(wishes)
def test_versions_have_no_hole_and_time_never_stands_still(
    commands: list[AssetCommand | CatalogueCommand],
) -> None:
    _, events = history_of(commands)
    assert [event.metadata.entity_version for event in events] == list(range(1, len(events) + 1))
    moments = [event.metadata.happened_at for event in events]
    assert moments == sorted(set(moments))


@given(wishes)
def test_replaying_the_events_gives_the_state_that_decided_them(
    commands: list[AssetCommand | CatalogueCommand],
) -> None:
    history, events = history_of(commands)
    assert assets.replay(events) == history.asset


@given(wishes)
def test_no_category_is_its_own_ancestor_and_slugs_are_unique(
    commands: list[AssetCommand | CatalogueCommand],
) -> None:
    catalogue = history_of(commands)[0].catalogue
    slugs_used = [category.slug for category in catalogue.categories.values()]
    assert len(slugs_used) == len(set(slugs_used))
    for category in catalogue.categories.values():
        above, seen = category.parent_id, {category.category_id}
        while above is not None:
            assert above not in seen
            seen.add(above)
            above = catalogue.categories[above].parent_id
        below = {each.category_id for each in catalogue.children(category.category_id)}
        assert below == {
            other.category_id
            for other in catalogue.categories.values()
            if other.parent_id == category.category_id
        }


@given(wishes)
def test_a_run_ends_at_most_once(commands: list[AssetCommand | CatalogueCommand]) -> None:
    _, events = history_of(commands)
    ends = AssetPublished | AssetConfirmed | AssetRejected
    ended = [event.run for event in events if isinstance(event, ends)]
    assert len(ended) == len(set(ended))


@given(wishes)
def test_an_attempt_is_delayed_at_most_once(
    commands: list[AssetCommand | CatalogueCommand],
) -> None:
    _, events = history_of(commands)
    delayed = [(event.run, event.attempts) for event in events if isinstance(event, AssetDelayed)]
    assert delayed == sorted(set(delayed))


@settings(max_examples=50)
@given(st.lists(any_of(AssetEvent), max_size=6), st.lists(any_of(CatalogueEvent), max_size=6))
def test_no_history_is_refused_however_absurd(
    asset_events: list[AssetEvent], category_events: list[CatalogueEvent]
) -> None:
    assets.replay(asset_events)
    catalogues.replay(category_events)
