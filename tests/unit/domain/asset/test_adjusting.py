"""Changes that a bulk operation makes to one asset, whatever else it is in."""

from dataclasses import replace

import pytest

from domain.asset.commands import AdjustCategories, AdjustTags, DeleteAsset, RepublishAsset
from domain.asset.events import AssetCategorised, AssetDescribed, AssetPublished
from domain.bulk_operation.selection import Candidate, matches
from domain.errors import (
    AssetIsDeleted,
    AssetNeedsCategory,
    CategoryIsArchived,
    DescriptionRefused,
    UnknownCategory,
)
from domain.values import AssetId, CategoryRef, Sha256, Status
from tests.support.bulk_operations import ANY
from tests.support.samples import (
    FACTS,
    LARGE,
    NOON,
    ORIGINAL,
    THUMB,
    archive_category,
    category_id,
    create_category,
    metadata,
    publish,
    submit,
)
from tests.support.spec import given

ASSET = "0190b6f0-0000-7000-8000-000000000001"
CATS, PETS = create_category("cats"), create_category("pets")
SUBMIT = submit(metadata(ASSET), "cats")
AGAIN = RepublishAsset(
    metadata=metadata(ASSET),
    original=ORIGINAL,
    renditions=(LARGE, THUMB),
    facts=FACTS,
    pipeline_version=7,
    watermark=Sha256("d" * 64),
    fetch=None,
)
A_CAT = Candidate(
    asset_id=AssetId(ASSET),
    status=Status.PUBLISHED,
    category_ids=("cats",),
    tags=("a",),
    created_at=NOON,
    pipeline_version=1,
    original_bytes=1,
    has_url=True,
)


def adjust(add: tuple[str, ...], remove: tuple[str, ...], if_in: str = "") -> AdjustCategories:
    return AdjustCategories(
        metadata=metadata(ASSET),
        add=tuple(map(CategoryRef, add)),
        remove=tuple(map(CategoryRef, remove)),
        if_in=CategoryRef(if_in) if if_in else None,
    )


def retag(*add: str, remove: tuple[str, ...] = ()) -> AdjustTags:
    return AdjustTags(metadata=metadata(ASSET), add=add, remove=remove)


def test_an_asset_moves_from_one_category_to_another() -> None:
    (event,) = given(CATS, PETS, SUBMIT).when(adjust(("pets",), ("cats",))).then(AssetCategorised)
    assert isinstance(event, AssetCategorised)
    assert event.category_ids == (category_id("pets"),)
    assert event.previous_category_ids == (category_id("cats"),)


def test_an_asset_that_left_the_category_meanwhile_is_left_alone() -> None:
    given(CATS, PETS, SUBMIT).when(adjust(("pets",), (), if_in="pets")).then()


def test_an_archived_category_may_be_left_but_not_joined() -> None:
    archived = archive_category("cats")
    given(CATS, PETS, SUBMIT, archived).when(adjust(("pets",), ("cats",))).then(AssetCategorised)
    joining = given(CATS, PETS, submit(metadata(ASSET), "pets"), archived).when(
        adjust(("cats",), ())
    )
    joining.then_refused(CategoryIsArchived)


def test_an_asset_keeps_at_least_one_category() -> None:
    given(CATS, SUBMIT).when(adjust((), ("cats",))).then_refused(AssetNeedsCategory)
    given(CATS, SUBMIT).when(adjust((), ("dogs",))).then_refused(UnknownCategory)


def test_tags_are_added_once_and_taken_away() -> None:
    tagged = given(CATS, SUBMIT, retag("a", "b"))
    (event,) = tagged.when(retag("b", "c", "c", remove=("a",))).then(AssetDescribed)
    assert isinstance(event, AssetDescribed)
    assert event.description.tags == ("b", "c")
    tagged.when(retag("b", remove=("x",))).then()


def test_there_may_only_be_so_many_tags() -> None:
    many = tuple(str(number) for number in range(51))
    given(CATS, SUBMIT).when(retag(*many)).then_refused(DescriptionRefused)


def test_an_earlier_result_is_shown_again_and_a_run_under_way_is_late() -> None:
    history = given(CATS, SUBMIT, publish(metadata(ASSET)))
    (event,) = history.when(AGAIN).then(AssetPublished)
    assert isinstance(event, AssetPublished)
    assert (event.run, event.pipeline_version) == (2, 7)
    history.when(publish(metadata(ASSET), run=1)).then()
    history.when(publish(metadata(ASSET), run=2)).then()


def test_nothing_is_changed_of_what_is_deleted() -> None:
    deleted = given(CATS, PETS, SUBMIT, DeleteAsset(metadata=metadata(ASSET)))
    for command in (adjust(("pets",), ()), retag("a"), AGAIN):
        deleted.when(command).then_refused(AssetIsDeleted)


@pytest.mark.parametrize(
    ("narrowed", "is_in"),
    [
        ({}, True),
        ({"category": "cats"}, True),
        ({"category": "dogs"}, False),
        ({"since": NOON}, True),
        ({"until": NOON}, False),
        ({"tags": ("a",)}, True),
        ({"tags": ("a", "b")}, False),
        ({"statuses": (Status.DELETED,)}, False),
        ({"rendered_before": 2}, True),
        ({"rendered_before": 1}, False),
        ({"asset_ids": (ASSET,)}, True),
        ({"asset_ids": ("another",)}, False),
    ],
)
def test_every_condition_of_a_filter_must_hold(narrowed: dict[str, object], is_in: bool) -> None:  # noqa: FBT001 - of the table
    assert matches(replace(ANY, **narrowed), A_CAT) is is_in  # type: ignore[arg-type] # as above
