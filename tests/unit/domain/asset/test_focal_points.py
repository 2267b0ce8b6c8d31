"""What matters in a picture: said once, and given to every run that begins after it was said."""

import pytest

from domain.asset.changes import changes
from domain.asset.commands import (
    ConfirmAsset,
    DeleteAsset,
    DescribeAsset,
    PurgeAsset,
    RefreshAsset,
    RejectAsset,
    ReplaceSource,
    ReprocessAsset,
    RestoreAsset,
)
from domain.asset.events import (
    AssetDescribed,
    AssetRefreshRequested,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
)
from domain.errors import DescriptionRefused
from domain.values import FocalPoint
from tests.support.samples import DOG_PICTURE, FETCH, create_category, metadata, publish, submit
from tests.support.spec import Given, given

ASSET = "0190b6f0-0000-7000-8000-000000000001"
CATS = create_category("cats")
SUBMIT = submit(metadata(ASSET), "cats")
PUBLISH = publish(metadata(ASSET))
REPROCESS = ReprocessAsset(metadata=metadata(ASSET), preset=None, is_bulk=False)
REPLACE = ReplaceSource(metadata=metadata(ASSET), source=DOG_PICTURE)
REFRESH = RefreshAsset(metadata=metadata(ASSET), is_bulk=False)
DELETE, RESTORE = DeleteAsset(metadata=metadata(ASSET)), RestoreAsset(metadata=metadata(ASSET))
LEFT = FocalPoint(x=0.125, y=0.5)


def describe(point: str) -> DescribeAsset:
    return DescribeAsset(metadata=metadata(ASSET), patch=f'{{"focal_point": {point}}}')


AT_THE_LEFT = describe('{"x": 0.125, "y": 0.5}')
AT_THE_TOP = describe('{"x": 0.5, "y": 0}')


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ('{"x": 0.30004, "y": 1}', FocalPoint(x=0.3, y=1)),
        ('{"x": -0.0, "y": 0.9996}', FocalPoint(x=0, y=1)),
        ('{"y": 0.25}', FocalPoint(x=0.125, y=0.25)),  # a merge patch
        ("null", None),
    ],
)
def test_it_is_known_to_the_thousandth(said: str, known: FocalPoint | None) -> None:
    (event,) = given(CATS, SUBMIT, AT_THE_LEFT).when(describe(said)).then(AssetDescribed)
    assert isinstance(event, AssetDescribed)
    assert str(event.description.focal_point) == str(known)
    assert event.description.title == "A cat"


def test_said_twice_it_happened_once() -> None:
    given(CATS, SUBMIT, AT_THE_LEFT).when(AT_THE_LEFT).then()
    given(CATS, SUBMIT).when(describe("null")).then()


@pytest.mark.parametrize(
    "said",
    [
        "1",
        "[0.3, 0.7]",
        "{}",
        '{"x": 0.3}',
        '{"x": 0.3, "y": true}',
        '{"x": 0.3, "y": "0.7"}',
        '{"x": 0.3, "y": 1.0001}',
        '{"x": -0.1, "y": 0.7}',
        '{"x": NaN, "y": 0.7}',
        '{"x": 0.3, "y": 0.7, "z": 1}',
    ],
)
def test_what_is_no_point_of_a_picture_is_refused(said: str) -> None:
    given(CATS, SUBMIT).when(describe(said)).then_refused(DescriptionRefused)


def test_a_run_cuts_at_the_point_there_was_when_it_began() -> None:
    history = given(CATS, SUBMIT, PUBLISH, AT_THE_LEFT)
    (again,) = history.when(REPROCESS).then(AssetReprocessingRequested)
    (other,) = history.when(REPLACE).then(AssetSourceReplaced)
    (asked,) = history.when(REFRESH).then(AssetRefreshRequested)
    assert isinstance(again, AssetReprocessingRequested)
    assert isinstance(other, AssetSourceReplaced)
    assert isinstance(asked, AssetRefreshRequested)
    assert again.focal_point == other.focal_point == asked.focal_point == LEFT


def test_a_run_that_a_restoration_begins_anew_knows_it_too() -> None:
    history = given(CATS, SUBMIT, AT_THE_LEFT, DELETE)
    (event,) = history.when(RESTORE).then(AssetRestored)
    assert isinstance(event, AssetRestored)
    assert (event.starts_run, event.focal_point) == (True, LEFT)
    assert aim_of(history) == LEFT


def aim_of(history: Given) -> FocalPoint | None:
    """Say at which point a result of the current run is cut."""
    assert history.asset is not None
    history.happens(publish(metadata(ASSET), run=history.asset.run))
    assert history.asset.picture is not None
    return history.asset.picture.focal_point


def test_setting_it_leaves_the_run_under_way_and_what_is_shown_as_they_are() -> None:
    history = given(CATS, SUBMIT)
    history.happens(AT_THE_LEFT)
    assert aim_of(history) is None
    history.happens(REPROCESS)
    history.happens(AT_THE_TOP)
    assert aim_of(history) == LEFT
    assert history.asset is not None
    assert history.asset.run == history.asset.finished_run, "nothing began by itself"


def test_a_refresh_knows_where_what_is_shown_was_cut() -> None:
    history = given(CATS, SUBMIT, AT_THE_LEFT, PUBLISH, REPROCESS)
    assert aim_of(history) == LEFT
    (event,) = (
        given(
            *(CATS, SUBMIT, AT_THE_LEFT, PUBLISH, REPROCESS),
            *(publish(metadata(ASSET), run=2), AT_THE_TOP),
        )
        .when(REFRESH)
        .then(AssetRefreshRequested)
    )
    assert isinstance(event, AssetRefreshRequested)
    assert event.picture is not None
    assert event.picture.focal_point == LEFT
    assert event.focal_point == FocalPoint(x=0.5, y=0)


@pytest.mark.parametrize(
    "ended",
    [
        ConfirmAsset(metadata=metadata(ASSET), run=2, fetch=FETCH),
        RejectAsset(
            metadata=metadata(ASSET),
            run=2,
            code="timeout",
            detail="slow",
            attempts=4,
            duplicate_of=None,
        ),
    ],
    ids=["unchanged", "given up"],
)
def test_a_run_that_showed_nothing_new_leaves_it_where_what_is_shown_was_cut(
    ended: ConfirmAsset | RejectAsset,
) -> None:
    history = given(CATS, SUBMIT, PUBLISH, AT_THE_LEFT, REFRESH, ended)
    assert history.asset is not None
    assert history.asset.picture is not None
    assert history.asset.picture.focal_point is None


def test_its_history_tells_it_and_a_purge_takes_it_away() -> None:
    history = given(CATS)
    commands = (SUBMIT, AT_THE_LEFT, AT_THE_TOP, DELETE, PurgeAsset(metadata=metadata(ASSET)))
    events = [event for command in commands for event in history.happens(command)]
    told = [
        (change.before, change.after)
        for each in changes(events)  # type: ignore[arg-type] # all of an asset
        for change in each
        if change.field == "focal_point"
    ]
    assert told == [(None, "fp_0.125_0.5"), ("fp_0.125_0.5", "fp_0.5_0"), ("fp_0.5_0", None)]
